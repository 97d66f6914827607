package control_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/policy"
	"github.com/parley-chat/parley/internal/sigv4"
)

// Policies may depend on the tags of a resource. While these are not known nothing is
// allowed, and while the resource is known not to exist it has none.
func TestNothingIsAllowedWhileTagsAreUnknown(t *testing.T) {
	document, err := policy.Parse([]byte(`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"*","Resource":"*",
		"Condition":{"StringEquals":{"aws:ResourceTag/stage":"live"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	user := keyring{owner.key: control.Identity{
		Account: account, UserARN: "arn:aws:iam::" + account + ":user/test",
		Policies: []*policy.Document{document},
		Key:      sigv4.Key{ID: owner.key, Secret: owner.secret},
	}}
	live := aRoom()
	live.Tags = map[string]string{"stage": "live"}
	for _, tt := range []struct {
		name  string
		rooms []parley.Room
		fail  error
		want  int
	}{
		{"denied by tag", []parley.Room{live}, nil, http.StatusForbidden},
		{"no such tag", []parley.Room{aRoom()}, nil, http.StatusOK},
		{"no such room", nil, nil, http.StatusNotFound},
		{"unknown", []parley.Room{live}, &parley.Error{Code: parley.Unavailable},
			http.StatusServiceUnavailable},
		{"broken", []parley.Room{live}, errDisk, http.StatusInternalServerError},
	} {
		s := startFor(user, nil, tt.rooms...)
		asked := 0
		s.store.before = func(context.Context) error {
			if asked++; asked == 1 {
				return tt.fail
			}
			return nil
		}
		w := s.call(t, owner, "GetRoom", valid("GetRoom"))
		if w.Code != tt.want {
			t.Errorf("%s: status %d, body %s, want %d", tt.name, w.Code, w.Body, tt.want)
		}
	}
}
