//go:build race

package bus

// simScale shortens simulations under the race detector, which ends the process when too
// many timers of one synctest bubble have fired: golang/go#78156.
const simScale = 10
