package test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-chat/parley/internal/parleytest"
)

// accounts is a configuration with users of three accounts. The secret of each
// access key is its id.
const accounts = `
quotas: none
audit_log: audit.log
cors_origins: ["https://shop.example"]
accounts:
  - id: "111111111111"
    users:
      - name: admin
        access_keys: [{id: ADMIN1, secret_file: ADMIN1}]
        policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "ivschat:*", Resource: "*"}]}]
      - name: backend
        access_keys: [{id: MINT1, secret_file: MINT1}]
        policies: [mint.json]
      - name: nobody
        access_keys: [{id: NOBODY1, secret_file: NOBODY1}]
  - id: "222222222222"
    users:
      - name: admin
        access_keys: [{id: ADMIN2, secret_file: ADMIN2}]
        policies: [{Version: "2012-10-17", Statement: {Effect: Allow, Action: "ivschat:*", Resource: "*"}}]
  - id: "333333333333"
    status: pending-verification
    users:
      - name: admin
        access_keys: [{id: ADMIN3, secret_file: ADMIN3}]
        policies: [{Version: "2012-10-17", Statement: {Effect: Allow, Action: "ivschat:*", Resource: "*"}}]
  - id: "444444444444"
    status: suspended
    users:
      - name: admin
        access_keys: [{id: ADMIN4, secret_file: ADMIN4}]
        policies: [{Version: "2012-10-17", Statement: {Effect: Allow, Action: "ivschat:*", Resource: "*"}}]
`

// mint allows to create tokens and rooms, except rooms tagged as secret.
const mint = `{"Version": "2012-10-17", "Statement": [
  {"Sid": "Mint", "Effect": "Allow", "Action": ["ivschat:CreateChatToken", "ivschat:CreateRoom"], "Resource": "*"},
  {"Sid": "NotSecret", "Effect": "Deny", "Action": "*", "Resource": "*",
   "Condition": {"StringEquals": {"aws:ResourceTag/level": "secret"}}}]}`

// serveAccounts starts a server with the accounts above. It returns the folder of
// its configuration.
func serveAccounts(t *testing.T) (p *process, dir string) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{"parley.yaml": accounts, "mint.json": mint}
	for _, key := range []string{"ADMIN1", "MINT1", "NOBODY1", "ADMIN2", "ADMIN3", "ADMIN4"} {
		files[key] = key + "\n"
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return serve(t, "--config="+filepath.Join(dir, "parley.yaml"), "--data="+filepath.Join(dir, "data")), dir
}

func as(t *testing.T, p *process, key string) *parleytest.Client {
	return parleytest.Anonymous(t, p.url).As(key, key)
}

func TestAccountsAndRegionsAreWorldsOfTheirOwn(t *testing.T) {
	p, dir := serveAccounts(t)
	if _, err := os.Stat(filepath.Join(dir, "data", "credentials")); err == nil {
		t.Error("with accounts configured, a root access key was made")
	}
	owner := as(t, p, "ADMIN1")
	room := owner.CreateRoom(t, map[string]any{"name": "mine", "tags": map[string]string{"a": "b"}})
	strangers := map[string]*parleytest.Client{
		"another account": as(t, p, "ADMIN2"), "another region": owner.In("eu-west-1"),
	}
	for who, stranger := range strangers {
		for operation, in := range map[string]map[string]any{
			"GetRoom":         {"identifier": room},
			"UpdateRoom":      {"identifier": room, "name": "theirs"},
			"DeleteRoom":      {"identifier": room},
			"CreateChatToken": {"roomIdentifier": room, "userId": "eve"},
			"SendEvent":       {"roomIdentifier": room, "eventName": "x"},
			"DeleteMessage":   {"roomIdentifier": room, "id": "ABCdef123456"},
			"DisconnectUser":  {"roomIdentifier": room, "userId": "ana"},
		} {
			if a := stranger.Call(t, operation, in); a.Error != "ResourceNotFoundException" {
				t.Errorf("%s of the room from %s: %+v, want ResourceNotFoundException", operation, who, a)
			}
		}
		for method, body := range map[string]string{http.MethodGet: "", http.MethodPost: `{"tags":{"x":"y"}}`} {
			if a := stranger.Tags(t, method, room, "", body); a.Error != "ResourceNotFoundException" {
				t.Errorf("%s of the room's tags from %s: %+v, want ResourceNotFoundException", method, who, a)
			}
		}
		if a := stranger.Call(t, "ListRooms", nil); fmt.Sprint(a.Body["rooms"]) != "[]" {
			t.Errorf("ListRooms from %s: %+v, want none", who, a)
		}
	}
	if a := owner.Call(t, "GetRoom", map[string]string{"identifier": room}); a.Body["name"] != "mine" {
		t.Errorf("the room afterwards: %+v", a)
	}
	if a := owner.In("mars-north-1").Call(t, "ListRooms", nil); a.Error != "InvalidSignatureException" {
		t.Errorf("a region that is not served: %+v, want InvalidSignatureException", a)
	}
	p.stop()
}

func TestPoliciesDecide(t *testing.T) {
	p, _ := serveAccounts(t)
	admin, backend := as(t, p, "ADMIN1"), as(t, p, "MINT1")
	open := admin.CreateRoom(t, nil)
	secret := admin.CreateRoom(t, map[string]any{"tags": map[string]string{"level": "secret"}})
	const who = "User: arn:aws:iam::111111111111:user/"
	const allRooms = "arn:aws:ivschat:us-east-1:111111111111:room/*"
	token := func(room string) map[string]any { return map[string]any{"roomIdentifier": room, "userId": "ana"} }
	for _, tt := range []struct {
		name      string
		client    *parleytest.Client
		operation string
		in        map[string]any
		denied    string // empty: allowed
	}{
		{"allowed", backend, "CreateChatToken", token(open), ""},
		{"explicit deny by the room's tag", backend, "CreateChatToken", token(secret),
			who + "backend is not authorized to perform: ivschat:CreateChatToken on resource: " + secret +
				" with an explicit deny in an identity-based policy"},
		{"not allowed", backend, "GetRoom", map[string]any{"identifier": open},
			who + "backend is not authorized to perform: ivschat:GetRoom on resource: " + open +
				" because no identity-based policy allows the ivschat:GetRoom action"},
		{"no resource named", backend, "ListRooms", nil,
			who + "backend is not authorized to perform: ivschat:ListRooms on resource: " + allRooms +
				" because no identity-based policy allows the ivschat:ListRooms action"},
		{"create without tags", backend, "CreateRoom", nil, ""},
		{"create with no tags in it", backend, "CreateRoom", map[string]any{"tags": map[string]string{}}, ""},
		{"create with tags", backend, "CreateRoom", map[string]any{"tags": map[string]string{"a": "b"}},
			who + "backend is not authorized to perform: ivschat:TagResource on resource: " + allRooms +
				" because no identity-based policy allows the ivschat:TagResource action"},
		{"no policy at all", as(t, p, "NOBODY1"), "ListRooms", nil,
			who + "nobody is not authorized to perform: ivschat:ListRooms on resource: " + allRooms +
				" because no identity-based policy allows the ivschat:ListRooms action"},
		{"denied before validation and look-up", backend, "UpdateRoom",
			map[string]any{"identifier": open + "gone", "maximumMessageLength": 0},
			who + "backend is not authorized to perform: ivschat:UpdateRoom on resource: " + open +
				"gone because no identity-based policy allows the ivschat:UpdateRoom action"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.client.Call(t, tt.operation, tt.in)
			if tt.denied == "" && a.Status != http.StatusOK {
				t.Errorf("answered %+v, want success", a)
			}
			if tt.denied != "" && (a.Status != 403 || a.Error != "AccessDeniedException" || a.Body["message"] != tt.denied) {
				t.Errorf("answered %+v\nwant AccessDeniedException %q", a, tt.denied)
			}
		})
	}
	p.stop()
}

func TestAccountStatus(t *testing.T) {
	p, _ := serveAccounts(t)
	pending, suspended := as(t, p, "ADMIN3"), as(t, p, "ADMIN4")
	for operation, want := range map[string]string{
		"CreateRoom": "PendingVerification", "ListRooms": "", "ListLoggingConfigurations": "",
	} {
		if a := pending.Call(t, operation, nil); a.Error != want {
			t.Errorf("%s of an account pending verification: %+v, want %q", operation, a, want)
		}
		if a := suspended.Call(t, operation, nil); a.Error != "AccessDeniedException" {
			t.Errorf("%s of a suspended account: %+v, want AccessDeniedException", operation, a)
		}
	}
	p.stop()
}

func TestSighupReloadsPoliciesAndKeepsTheGoodOnes(t *testing.T) {
	p, dir := serveAccounts(t)
	admin := as(t, p, "ADMIN1")
	ana := admin.Join(t, admin.CreateRoom(t, nil), "ana", "SEND_MESSAGE")
	reload := func(config string, done func() bool) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "parley.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		waitAtMost(t, patience, "the reload to have an effect", done)
	}
	lists := func(key string) bool { return as(t, p, key).Call(t, "ListRooms", nil).Status == http.StatusOK }
	// Swap the policies of two users.
	swapped := strings.Replace(accounts, "policies: [mint.json]", `policies: [{Version: "2012-10-17", `+
		`Statement: {Effect: Allow, Action: "ivschat:List*", Resource: "*"}}]`, 1)
	reload(swapped, func() bool { return lists("MINT1") })
	// A bad file changes nothing, not even what is good in it.
	logged := func() bool { return strings.Contains(p.log(), "unknown key") }
	reload(strings.Replace(accounts, "quotas: none", "colour: red", 1), logged)
	if !lists("MINT1") {
		t.Error("after the reload of a bad file, the former policies are not in force")
	}
	ana.Say(t, "still here")
	if got := ana.Next(t); got.Content != "still here" {
		t.Errorf("received %+v after the reloads", got)
	}
	p.stop()
}

func TestAuditLog(t *testing.T) {
	p, dir := serveAccounts(t)
	admin := as(t, p, "ADMIN1")
	room := admin.CreateRoom(t, map[string]any{"name": "audited"})
	admin.Call(t, "CreateChatToken", map[string]any{"roomIdentifier": room, "userId": "private-user",
		"attributes": map[string]string{"name": "private-attribute"}})
	admin.Call(t, "GetRoom", map[string]string{"identifier": room + "gone"})
	admin.Tags(t, http.MethodDelete, room, "?tagKeys=a", "")
	as(t, p, "NOBODY1").Call(t, "ListRooms", nil)
	admin.As("ADMIN1", "wrong").Call(t, "ListRooms", nil)
	p.stop()
	text, err := os.ReadFile(filepath.Join(dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "private-") {
		t.Errorf("the audit log tells what is private:\n%s", text)
	}
	var lines []map[string]any
	for scan := bufio.NewScanner(strings.NewReader(string(text))); scan.Scan(); {
		var line map[string]any
		if err := json.Unmarshal(scan.Bytes(), &line); err != nil {
			t.Fatalf("line %q: %v", scan.Text(), err)
		}
		lines = append(lines, line)
	}
	want := []string{
		"CreateRoom map[name:audited] false IAMUser admin <nil>",
		"CreateChatToken map[attributes:HIDDEN_DUE_TO_SECURITY_REASONS roomIdentifier:" + room +
			" userId:HIDDEN_DUE_TO_SECURITY_REASONS] false IAMUser admin <nil>",
		"GetRoom map[identifier:" + room + "gone] true IAMUser admin ResourceNotFoundException",
		"UntagResource map[resourceArn:" + room + " tagKeys:[a]] false IAMUser admin <nil>",
		"ListRooms map[] true IAMUser nobody AccessDeniedException",
		"ListRooms <nil> true Unknown <nil> InvalidSignatureException",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), text)
	}
	for i, line := range lines {
		identity := line["userIdentity"].(map[string]any)
		got := fmt.Sprint(line["eventName"], " ", line["requestParameters"], " ", line["readOnly"], " ",
			identity["type"], " ", identity["userName"], " ", line["errorCode"])
		if got != want[i] {
			t.Errorf("line %d is %s\nwant %s", i, got, want[i])
		}
		if line["sourceIPAddress"] != "127.0.0.1" || line["requestID"] == "" || line["eventSource"] != "ivschat.amazonaws.com" {
			t.Errorf("line %d: %v", i, line)
		}
	}
	created, _ := lines[0]["responseElements"].(map[string]any)
	minted, _ := lines[1]["responseElements"].(map[string]any)
	if created["arn"] != room || minted["token"] != "HIDDEN_DUE_TO_SECURITY_REASONS" {
		t.Errorf("responseElements %v and %v, want the room's ARN and a hidden token", created, minted)
	}
}

func TestQuotasCommand(t *testing.T) {
	p := serve(t, "--dev", "--quotas=documented", "--limits=rooms=7;messages=0")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	c.Join(t, c.CreateRoom(t, nil), "ana")
	c.In("eu-west-1").CreateRoom(t, nil)
	out, err := exec.Command(binary, "quotas", "--admin="+p.admin).CombinedOutput()
	if err != nil {
		t.Fatalf("parley quotas: %v\n%s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{
		"QUOTA LIMIT ACCOUNT REGION USED",
		"rooms 7 000000000000 us-east-1 1", "rooms 7 000000000000 eu-west-1 1",
		"connections 50000 000000000000 us-east-1 1", "connections 50000 000000000000 eu-west-1 0",
		"logging_configurations 10 000000000000 us-east-1 0",
		"messages none", "deletes 100", "CreateChatToken none",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("parley quotas printed\n%s\nwant the line %q", out, want)
		}
	}
	wantFailure(t, "is this the admin listener?", "quotas", "--admin="+p.url)
	p.stop()
}

func TestCrossOriginRequests(t *testing.T) {
	p, _ := serveAccounts(t)
	ask := func(method, origin, wanted string) http.Header {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+"/CreateChatToken", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		if wanted != "" {
			req.Header.Set("Access-Control-Request-Method", wanted)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if preflight := wanted != "" && origin == "https://shop.example"; preflight != (res.StatusCode == http.StatusNoContent) {
			t.Errorf("%s from %s answered %s", method, origin, res.Status)
		}
		return res.Header
	}
	const allow = "Access-Control-Allow-Origin"
	if got := ask("OPTIONS", "https://shop.example", "POST"); got.Get(allow) != "https://shop.example" ||
		!strings.Contains(got.Get("Access-Control-Allow-Headers"), "x-amz-date") ||
		!strings.Contains(got.Get("Access-Control-Allow-Methods"), "DELETE") {
		t.Errorf("preflight: %v", got)
	}
	if got := ask("POST", "https://shop.example", ""); got.Get(allow) != "https://shop.example" ||
		!strings.Contains(got.Get("Access-Control-Expose-Headers"), "x-amzn-errortype") {
		t.Errorf("a refused call: %v", got)
	}
	if got := ask("OPTIONS", "https://evil.example", "POST"); got.Get(allow) != "" {
		t.Errorf("preflight from another origin: %v", got)
	}
	p.stop()
}

// TestAuditLogIsRotatedDespiteMistakes has a policy become unreadable before the log is
// rotated.
func TestAuditLogIsRotatedDespiteMistakes(t *testing.T) {
	p, dir := serveAccounts(t)
	log := filepath.Join(dir, "audit.log")
	if err := errors.Join(os.Rename(log, log+".1"),
		os.WriteFile(filepath.Join(dir, "mint.json"), []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	waitAtMost(t, patience, "another audit log", func() bool {
		_, err := os.Stat(log)
		return err == nil
	})
	if a := as(t, p, "MINT1").Call(t, "CreateRoom", nil); a.Status != http.StatusOK {
		t.Errorf("CreateRoom with the policies of before: %+v, want 200", a)
	}
	p.stop()
}
