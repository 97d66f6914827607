package export

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/outbox"
)

const (
	// putEvery is how often metrics are sent: once in a period of CloudWatch.
	putEvery = time.Minute
	// maxData is how many data a call has. Source: PutMetricData, API reference.
	maxData = 1000
	// maxWaitingData is how many data wait. More are lost.
	maxWaitingData = 10_000
)

// CloudWatch is where metrics go.
type CloudWatch struct {
	AWS
	// Namespace is what they are in.
	Namespace string
	// Every is how often they are sent; 0 is putEvery. Tests set it.
	Every time.Duration
}

// cloudWatch sends metrics under the original's names.
type cloudWatch struct {
	client    *cloudwatch.Client
	namespace string
	metrics   *metrics.Metrics
	outbox    *outbox.Outbox[types.MetricDatum]
	quit      chan struct{} // closed by close
	running   sync.WaitGroup
	before    map[series]float64 // what counters were when they were sent last; owned by run
}

// series is a metric of the original. It has one dimension at most.
type series struct {
	name, dimension, value string
}

// original says how a metric of the server becomes metrics of the original. Source:
// Monitoring IVS Chat with CloudWatch.
type original struct {
	ours      string            // name of the server's metric
	labels    map[string]string // those that it must have
	name      string
	dimension string // empty: all series together are one
	from      string // label that the dimension's value is from
	gauge     bool
}

var originals = []original{
	{ours: "parley_connections_peak", name: "ConcurrentChatConnections", gauge: true},
	{ours: "parley_requests_total", name: "MessagingRequests"},
	{ours: "parley_requests_total", name: "Requests", dimension: "Action", from: "action"},
	{ours: "parley_deliveries_total", name: "MessagingDeliveries"},
	{ours: "parley_deliveries_total", name: "Deliveries", dimension: "Action", from: "action"},
	{ours: "parley_review_errors_total", labels: map[string]string{"kind": "invocation"},
		name: "InvocationErrors", dimension: "Uri", from: "uri"},
	{ours: "parley_review_errors_total", labels: map[string]string{"kind": "response_validation"},
		name: "ResponseValidationErrors", dimension: "Uri", from: "uri"},
	{ours: "parley_log_destination_errors_total", name: "LogDestinationErrors",
		dimension: "LoggingConfiguration", from: "logging_configuration"},
	{ours: "parley_log_destination_errors_total", labels: map[string]string{"kind": "access_denied"},
		name:      "LogDestinationAccessDeniedError",
		dimension: "LoggingConfiguration", from: "logging_configuration"},
	{ours: "parley_log_destination_errors_total", labels: map[string]string{"kind": "not_found"},
		name:      "LogDestinationResourceNotFoundErrors",
		dimension: "LoggingConfiguration", from: "logging_configuration"},
}

func newCloudWatch(
	ctx context.Context, c CloudWatch, m *metrics.Metrics, log *slog.Logger,
) (*cloudWatch, error) {
	cfg, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	if c.Every == 0 {
		c.Every = putEvery
	}
	w := &cloudWatch{
		client: cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
			c.endpoint(&o.BaseEndpoint)
		}),
		namespace: c.Namespace, metrics: m, quit: make(chan struct{}), before: map[series]float64{},
	}
	w.outbox = outbox.New(outbox.Config[types.MetricDatum]{
		Name: "metrics", Waiting: maxWaitingData, Batch: maxData, Every: batchEvery, Tries: maxTries,
		Send: w.send, Log: log.With("export", nameCloudWatch),
	})
	w.running.Go(func() { w.run(c.Every, log) })
	return w, nil
}

func (w *cloudWatch) state() metrics.Export {
	return metrics.Export{Name: nameCloudWatch, Sent: w.outbox.Sent(), Lost: w.outbox.Lost()}
}

// close sends what was counted since the last time.
func (w *cloudWatch) close() {
	close(w.quit)
	w.running.Wait()
	w.outbox.Close()
	closeIdle(w.client.Options().HTTPClient)
}

func (w *cloudWatch) run(every time.Duration, log *slog.Logger) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for open := true; open; {
		select {
		case <-ticker.C:
		case <-w.quit:
			open = false
		}
		if err := w.put(time.Now()); err != nil {
			log.Warn("metrics are incomplete", "err", err)
		}
	}
}

// put has the metrics sent, as they have changed since the last time.
func (w *cloudWatch) put(now time.Time) error {
	names := map[string]bool{}
	for _, o := range originals {
		names[o.ours] = true
	}
	values, err := w.metrics.Values(func(name string) bool { return names[name] })
	totals, gauges := translate(values)
	for s, total := range totals {
		change := total - w.before[s]
		if change < 0 {
			change = total // what was counted is forgotten, and counted anew
		}
		w.outbox.Put(s.datum(change, now))
	}
	for s, level := range gauges {
		w.outbox.Put(s.datum(level, now))
	}
	w.before = totals
	return err
}

// translate returns the original's metrics: counters, since the start, and gauges.
func translate(values []metrics.Value) (totals, gauges map[series]float64) {
	totals, gauges = map[series]float64{}, map[series]float64{}
	for _, v := range values {
		for _, o := range originals {
			if o.ours != v.Name || !o.takes(v.Labels) {
				continue
			}
			s := series{o.name, o.dimension, v.Labels[o.from]}
			if o.gauge {
				gauges[s] += v.Number
			} else {
				totals[s] += v.Number
			}
		}
	}
	return totals, gauges
}

func (o original) takes(labels map[string]string) bool {
	for name, want := range o.labels {
		if labels[name] != want {
			return false
		}
	}
	return true
}

func (s series) datum(value float64, now time.Time) types.MetricDatum {
	d := types.MetricDatum{MetricName: &s.name, Value: &value, Unit: types.StandardUnitCount,
		Timestamp: &now}
	if s.dimension != "" {
		d.Dimensions = []types.Dimension{{Name: &s.dimension, Value: aws.String(s.value)}}
	}
	return d
}

func (w *cloudWatch) send(
	ctx context.Context, batch []types.MetricDatum,
) outbox.Result[types.MetricDatum] {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := w.client.PutMetricData(ctx,
		&cloudwatch.PutMetricDataInput{Namespace: &w.namespace, MetricData: batch})
	switch {
	case err == nil:
		return outbox.Result[types.MetricDatum]{Sent: len(batch)}
	case passes(err):
		return outbox.Result[types.MetricDatum]{Again: batch, Err: err}
	}
	return outbox.Result[types.MetricDatum]{Err: err}
}
