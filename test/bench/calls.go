package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Who makes the calls.
const (
	account   = "123456789012"
	region    = "us-east-1"
	keyID     = "PKBENCH0000000000001"
	keySecret = "the secret of a key that only this program knows"
)

// signedRequest returns the bytes of a call as the AWS SDK for Go makes it.
func signedRequest(server netip.AddrPort, operation string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequest(http.MethodPost,
		"http://"+server.String()+"/"+operation, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Amz-Sdk-Invocation-Id", "3ed8435d-aeaa-47aa-999b-cf0d9631f3fb")
	r.Header.Set("Amz-Sdk-Request", "attempt=1; max=3")
	sum := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(context.Background(),
		aws.Credentials{AccessKeyID: keyID, SecretAccessKey: keySecret},
		r, hex.EncodeToString(sum[:]), "ivschat", region, time.Now())
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("User-Agent", "aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26 md/GOARCH#amd64 "+
		"md/GOOS#linux api/ivschat#1.22.2 m/g")
	var request bytes.Buffer
	if err := r.Write(&request); err != nil {
		return nil, err
	}
	return request.Bytes(), nil
}

// call makes one call that must succeed, on a connection of its own, and returns
// the body of the answer.
func call(server netip.AddrPort, operation string, in any) ([]byte, error) {
	c, err := newCaller(server)
	if err != nil {
		return nil, err
	}
	defer c.close()
	answer, _, err := c.call(operation, in)
	return answer, err
}

// caller makes calls one after another on one connection.
type caller struct {
	server netip.AddrPort
	conn   *conn
	load   *callLoad
}

// maxPageBytes is more than any answer to a single call has.
const maxPageBytes = 1 << 20

func newCaller(server netip.AddrPort) (*caller, error) {
	l, err := newLoad(server, 1, maxPageBytes)
	if err != nil {
		return nil, err
	}
	return &caller{server: server, conn: l.conns[0], load: l}, nil
}

func (c *caller) close() { c.load.close() }

// call returns the body of the answer, which the next call overwrites, and how long
// it took without the signing.
func (c *caller) call(operation string, in any) ([]byte, time.Duration, error) {
	request, err := signedRequest(c.server, operation, in)
	if err != nil {
		return nil, 0, err
	}
	c.load.request = request
	begin := time.Now()
	if err := c.load.send(c.conn, begin); err != nil {
		return nil, 0, err
	}
	if err := c.load.drain(); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", operation, err)
	}
	took := time.Since(begin)
	_, body, _ := bytes.Cut(c.conn.answer, headEnd)
	return body, took, nil
}
