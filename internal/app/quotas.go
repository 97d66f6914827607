package app

import (
	"net/http"

	"github.com/parley-chat/parley"
)

// QuotaReport says what is allowed and what is used, as the admin listener serves
// it under /quotas.
type QuotaReport struct {
	// Limits are the quotas in force, for each account and region; 0 is no limit.
	Limits parley.Quotas `json:"limits"`
	// Use has the accounts and regions in which something is used.
	Use []WorldUse `json:"use"`
}

// WorldUse is what one account uses in one region.
type WorldUse struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	// Counts has what is counted, by quota. Rates have no entry.
	Counts map[parley.Quota]int `json:"counts"`
}

// serveQuotas answers with a QuotaReport.
func (a *App) serveQuotas(w http.ResponseWriter, _ *http.Request) {
	report := QuotaReport{Limits: parley.Quotas{}, Use: a.uses(a.hub.Connections)}
	for _, name := range parley.QuotaNames() {
		report.Limits[name] = a.quotas[name]
	}
	writeJSON(w, http.StatusOK, report)
}

// uses returns what is used, in the accounts and regions that use something, with the
// sessions that connections counts.
func (a *App) uses(connections func(parley.World) int) []WorldUse {
	uses := []WorldUse{}
	for _, account := range a.keys.accounts() {
		for _, region := range a.regions {
			w := parley.World{Region: region, Account: account}
			if use := a.use(w, connections(w)); use != nil {
				uses = append(uses, *use)
			}
		}
	}
	return uses
}

// use returns what is used in a world with so many sessions, or nil for nothing.
func (a *App) use(w parley.World, connections int) *WorldUse {
	counts := map[parley.Quota]int{
		parley.QuotaRooms:                 a.store.CountRooms(w),
		parley.QuotaLoggingConfigurations: a.store.CountLoggingConfigurations(w),
		parley.QuotaConnections:           connections,
	}
	for _, n := range counts {
		if n > 0 {
			return &WorldUse{Account: w.Account, Region: w.Region, Counts: counts}
		}
	}
	return nil
}
