package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parley-chat/parley/internal/load"
)

// wantLogging is the throughput wanted of a room that is logged, in percent of that of
// one that is not.
const wantLogging = 80.0

// loggingConfiguration has a user who may do everything, and a short window: so objects
// are written while the measurement goes on.
const loggingConfiguration = `
quotas: none
logs: {window: 1s}
accounts:
  - id: "` + account + `"
    users:
      - name: bench
        access_keys: [{id: ` + keyID + `, secret_file: secret}]
        policies:
          - Version: "2012-10-17"
            Statement: {Effect: Allow, Action: "ivschat:*", Resource: "*"}
`

// measureLogging compares rooms that are logged to folders with rooms that are not.
func (b *bench) measureLogging(ctx context.Context) ([]figure, error) {
	config := filepath.Join(b.dir, "logging.yaml")
	if err := os.WriteFile(config, []byte(loggingConfiguration), 0o600); err != nil {
		return nil, err
	}
	var figures []figure
	for _, receivers := range []int{100, 1000} {
		name := fmt.Sprintf("%d receivers, %d outstanding", receivers, outstanding)
		off := b.logged(config, name+", not logged", receivers, 0)
		one := b.logged(config, name+", one configuration", receivers, 1)
		three := b.logged(config, name+", three configurations", receivers, 3)
		if err := b.takeTurns(ctx, off, one, three); err != nil {
			return nil, err
		}
		without := off.median(perCPU)
		share := func(v *variant) float64 { return 100 * v.median(perCPU) / without }
		figures = append(figures,
			atLeast("logging: "+name+", one configuration: of the throughput without", "%.0f %%",
				wantLogging, share(one)).
				note("%.0f of %.0f messages/s", one.median(perSecond), off.median(perSecond)),
			figure{name: "logging: " + name + ", three configurations: the same",
				measured: fmt.Sprintf("%.0f %% (%.0f messages/s)", share(three), three.median(perSecond))})
	}
	return figures, nil
}

func perSecond(r *load.FanoutResult) float64 { return r.MessagesPerSecond }

// logged returns a variant with a room that names some logging configurations.
func (b *bench) logged(config, name string, receivers, configurations int) *variant {
	return &variant{name: name, measure: func(ctx context.Context) (r *load.FanoutResult, err error) {
		s, err := startServer(ctx, b.serverCPU(), []string{"GOMAXPROCS=1", "PARLEY_MAX_SESSIONS=0"},
			b.parley, "serve", "--config="+config, "--data="+b.data(),
			"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		room, err := loggedRoom(s, configurations)
		if err != nil {
			return nil, err
		}
		return b.fanoutOn(ctx, s, warmUpFlag, "--room="+room, fmt.Sprintf("--receivers=%d", receivers),
			fmt.Sprintf("--outstanding=%d", outstanding))
	}}
}

// loggedRoom makes a room with some logging configurations, and returns its ARN.
func loggedRoom(s *server, configurations int) (string, error) {
	arns := []string{}
	for i := range configurations {
		bucket := map[string]string{"bucketName": fmt.Sprint("bucket-", i)}
		arn, err := made(s, "CreateLoggingConfiguration", map[string]any{
			"destinationConfiguration": map[string]any{"s3": bucket}})
		if err != nil {
			return "", err
		}
		arns = append(arns, arn)
	}
	return made(s, "CreateRoom", map[string]any{"loggingConfigurationIdentifiers": arns})
}

// made makes a call that makes something, and returns its ARN.
func made(s *server, operation string, in any) (string, error) {
	answer, err := call(s.addr, operation, in)
	if err != nil {
		return "", err
	}
	var out struct{ ARN string }
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", fmt.Errorf("answer to %s: %w", operation, err)
	}
	return out.ARN, nil
}
