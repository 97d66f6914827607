package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/client"
)

// tokensFrom returns a provider that asks a backend, which calls CreateChatToken and
// hands on the answer.
func tokensFrom(backend, user string) client.TokenProvider {
	return func(ctx context.Context) (token client.Token, err error) {
		form := strings.NewReader(url.Values{"user": {user}}.Encode())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, backend, form)
		if err != nil {
			return token, err
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return token, err // the backend may be back soon
		}
		defer response.Body.Close()
		switch response.StatusCode {
		case http.StatusOK:
			err = json.NewDecoder(response.Body).Decode(&token)
			return token, err
		case http.StatusForbidden:
			return token, client.Permanent(errors.New("the user may not chat"))
		}
		return token, errors.New(response.Status)
	}
}

func ExampleTokenProvider() {
	demo := startDemo() // a server, and an application that makes tokens
	defer demo.Close()
	room, err := client.Dial(context.Background(), demo.URL, tokensFrom(demo.Backend, "ana"), client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer room.Close()
	fmt.Println(room.State())
	// Output: connected
}
