package bucket

import (
	"encoding/json"
	"testing"
)

// A leader is believed only while most servers follow it.
func TestLeaderIsConfirmed(t *testing.T) {
	tests := []struct {
		name, group string
		want        bool
	}{
		{"one server", `null`, true},
		{"one server of a cluster", `{"leader_since":"2026-01-02T03:04:05Z"}`, true},
		{"all follow", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":1000000,"current":true},{"active":2000000,"current":true}]}`, true},
		{"one follows, the other is gone", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":2999999999,"current":false},{"active":60000000000,"current":false}]}`, true},
		{"one was heard of at this moment", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":0,"current":true},{"active":60000000000,"current":false}]}`, true},
		{"none follows for too long", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":3000000000,"current":true},{"active":3000000000,"current":true}]}`, false},
		{"none was ever heard of", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":0,"current":false},{"active":0,"current":false}]}`, false},
		{"another server answers", `{"replicas":[
			{"active":1000000,"current":true},{"active":2000000,"current":true}]}`, false},
		{"half of four", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":1000000,"current":true},{"active":60000000000},{"active":60000000000}]}`, false},
		{"three of five", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":1000000,"current":true},{"active":1000000,"current":true},
			{"active":60000000000},{"active":60000000000}]}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var g *group
			if err := json.Unmarshal([]byte(test.group), &g); err != nil {
				t.Fatal(err)
			}
			if err := g.confirm(); (err == nil) != test.want {
				t.Errorf("confirm() of %s = %v, want an error %v", test.group, err, !test.want)
			}
		})
	}
}
