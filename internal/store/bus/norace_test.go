//go:build !race

package bus

const simScale = 1
