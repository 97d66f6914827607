package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
)

// demo is a server with one room, and the backend of an application that makes tokens
// for it. It is for examples, which have no testing.T.
type demo struct {
	URL     string // of the server
	Backend string // URL of the backend, which returns a token to who posts user=NAME
	app     *app.App
	backend *httptest.Server
	room    string
}

func startDemo() *demo {
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.Dev = "127.0.0.1:0", "127.0.0.1:0", true
	a, err := app.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	d := &demo{URL: "http://" + a.Addr().String(), app: a}
	d.backend = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(d.token(r.PostFormValue("user")))
	}))
	d.Backend = d.backend.URL
	var room struct{ ARN string }
	if err := json.Unmarshal(d.call("CreateRoom", map[string]any{}), &room); err != nil {
		panic(err)
	}
	d.room = room.ARN
	return d
}

func (d *demo) Close() {
	http.DefaultClient.CloseIdleConnections()
	d.backend.Close()
	_ = d.app.Close()
}

// Tokens provides tokens for a user.
func (d *demo) Tokens(user string) client.TokenProvider {
	return func(context.Context) (token client.Token, err error) {
		err = json.Unmarshal(d.token(user), &token)
		return token, err
	}
}

func (d *demo) token(user string) []byte {
	return d.call("CreateChatToken", map[string]any{
		"roomIdentifier": d.room, "userId": user, "capabilities": everything})
}

// call makes a call of the control plane and returns its answer.
func (d *demo) call(operation string, members map[string]any) []byte {
	body, _ := json.Marshal(members)
	request, err := http.NewRequest(http.MethodPost, d.URL+"/"+operation, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(body)
	key := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	err = v4.NewSigner().SignHTTP(context.Background(), key, request, hex.EncodeToString(sum[:]),
		"ivschat", parleytest.Region, time.Now())
	if err != nil {
		panic(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		panic(fmt.Sprint(operation, response.Status, string(answer), err))
	}
	return answer
}
