package main

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/policy"
)

// policyCmd holds the commands about policies.
type policyCmd struct {
	Test policyTestCmd `cmd:"" help:"Say what a user may do, and which statement decides."`
}

type policyTestCmd struct {
	File    string `name:"config" env:"PARLEY_CONFIG" required:"" placeholder:"FILE" help:"Configuration file (YAML)."`
	Account string `placeholder:"ID" help:"Account of the user; needed when several have one of the name."`
	User    string `required:"" help:"Name of the user."`

	Action   string `required:"" help:"Action, such as ivschat:CreateChatToken."`
	Resource string `default:"*" placeholder:"ARN" help:"ARN of the resource."`

	RequestTags  map[string]string `name:"request-tag" placeholder:"KEY=VALUE" help:"Tags that the call sets."`
	ResourceTags map[string]string `name:"resource-tag" placeholder:"KEY=VALUE" help:"Tags of the resource."`
	SourceIP     netip.Addr        `placeholder:"ADDRESS" help:"Address of the caller."`
}

// Run prints the decision and what decided it. It succeeds when the call is
// allowed.
func (c *policyTestCmd) Run() error {
	cfg, err := config.Load(c.File)
	if err != nil {
		return err
	}
	user, err := c.user(cfg)
	if err != nil {
		return err
	}
	documents := make([]*policy.Document, len(user.Policies))
	for i, p := range user.Policies {
		documents[i] = p.Document
	}
	decision := policy.Evaluate(documents, policy.Request{
		Action:       c.Action,
		Resource:     c.Resource,
		UserName:     user.Name,
		UserARN:      user.ARN,
		Account:      user.Account,
		SourceIP:     c.SourceIP,
		Time:         time.Now(),
		RequestTags:  c.RequestTags,
		TagKeys:      slices.Sorted(maps.Keys(c.RequestTags)),
		ResourceTags: c.ResourceTags,
	})
	why := "no statement allows it"
	if decision.Effect != policy.ImplicitDeny {
		why = fmt.Sprintf("%s, statement %d", user.Policies[decision.Document].Source, decision.Statement)
		if decision.Sid != "" {
			why += " (" + decision.Sid + ")"
		}
	}
	fmt.Printf("%s: %s\n", decision.Effect, why)
	if decision.Effect != policy.Allow {
		return errDenied
	}
	return nil
}

// errDenied makes the command fail after it has said why.
var errDenied = fmt.Errorf("denied")

// user returns the one configured user that is meant.
func (c *policyTestCmd) user(cfg config.Config) (config.User, error) {
	users, err := cfg.LoadUsers()
	if err != nil {
		return config.User{}, err
	}
	users = slices.DeleteFunc(users, func(u config.User) bool {
		return u.Name != c.User || c.Account != "" && u.Account != c.Account
	})
	switch len(users) {
	case 0:
		return config.User{}, fmt.Errorf("%s has no user %s", c.File, c.User)
	case 1:
		return users[0], nil
	}
	return config.User{}, fmt.Errorf("several accounts have a user %s: choose one with --account",
		c.User)
}
