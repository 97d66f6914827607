// Command function is a Lambda function that reviews messages, as people write one with
// the library of AWS. What a message says is what it does: see decide.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// request is what the function is invoked with.
type request struct {
	Content    string
	MessageID  string `json:"MessageId"`
	RoomARN    string `json:"RoomArn"`
	Attributes map[string]string
	Sender     sender
}

type sender struct {
	UserID     string `json:"UserId"`
	Attributes map[string]string
	IP         string `json:"Ip"`
}

// response is what it returns. Attributes that are nil become null, as AWS's own sample
// has them.
type response struct {
	ReviewResult string
	Content      string
	Attributes   map[string]string
}

func main() { lambda.Start(decide) }

// decide does what the first word of the content says: "deny" is followed by a reason,
// "sleep" by a duration, and the others are ways to fail.
func decide(ctx context.Context, r request) (any, error) {
	verb, rest, _ := strings.Cut(r.Content, " ")
	switch verb {
	case "deny":
		return response{"DENY", r.Content, map[string]string{"Reason": rest}}, nil
	case "sleep":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return nil, err
		}
		time.Sleep(d)
	case "error":
		return nil, errors.New("boom")
	case "panic":
		panic("boom")
	case "exit":
		os.Exit(1)
	case "maybe":
		return response{"MAYBE", r.Content, nil}, nil
	case "text":
		return "hello", nil
	case "nothing":
		return nil, nil
	case "who":
		invoked := "nobody"
		if lc, ok := lambdacontext.FromContext(ctx); ok {
			invoked = lc.InvokedFunctionArn
		}
		return response{"ALLOW", "told below", map[string]string{
			"request": fmt.Sprintf("%s %s %s %v %s %v %s", r.Content, r.MessageID, r.RoomARN,
				r.Attributes, r.Sender.UserID, r.Sender.Attributes, r.Sender.IP),
			"invoked": invoked}}, nil
	}
	return response{"ALLOW", "reviewed " + r.Content, nil}, nil
}
