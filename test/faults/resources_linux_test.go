package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/test/faults/history"
)

// resource is a room or a logging configuration that a worker made.
type resource struct {
	name, arn string
	room      bool
	// What is changed of a room and of a configuration.
	length int
	bucket string
	logsTo []any // ARNs
	tags   map[string]string

	doubt *resource // what it is if the last change was made, when that is not known
	gone  bool
}

// value is what can be seen of the resource.
func (x *resource) value() string {
	switch {
	case x.gone:
		return ""
	case x.room:
		return fmt.Sprintf("length %d, logs to %v, tags %v", x.length, x.logsTo, x.tags)
	}
	return fmt.Sprintf("bucket %s, tags %v", x.bucket, x.tags)
}

// worker makes and changes resources of its own, one after the other.
type worker struct {
	run    *run
	name   string
	number int
	owned  []*resource
}

const (
	workerInterval = 100 * time.Millisecond
	// maxOwned is how many resources a worker has.
	maxOwned = 10
	maxTag   = 4 // different keys of tags
)

// work changes resources until ctx is done. Nothing is changed while the run compares
// what the nodes have.
func (w *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		w.run.changing.RLock()
		w.change(ctx)
		w.run.changing.RUnlock()
		pause(ctx, workerInterval)
	}
}

// change makes one change, of a resource at random, at a node at random.
func (w *worker) change(ctx context.Context) {
	w.owned = slices.DeleteFunc(w.owned, func(x *resource) bool { return x.gone })
	if len(w.owned) < maxOwned && rand.IntN(3) == 0 {
		w.create(ctx)
		return
	}
	if len(w.owned) == 0 {
		return
	}
	x := w.owned[rand.IntN(len(w.owned))]
	if x.doubt != nil {
		return // until the nodes agree on it
	}
	changes := []func(context.Context, *resource){w.update, w.tag, w.untag, w.delete}
	changes[rand.IntN(len(changes))](ctx, x)
}

func (w *worker) create(ctx context.Context) {
	w.number++
	x := &resource{name: fmt.Sprintf("%s-%d", w.name, w.number), gone: true,
		room: rand.IntN(2) == 0, tags: map[string]string{}}
	next := *x
	next.gone, next.length, next.bucket = false, 1+rand.IntN(500), fmt.Sprintf("bucket-%d", w.number)
	in := api.Object{{Name: "name", Value: x.name}}
	operation := "CreateLoggingConfiguration"
	if x.room {
		operation = "CreateRoom"
		next.logsTo = w.someConfiguration()
		in = append(in, next.lengthMember(), next.logsMember())
	} else {
		in = append(in, next.bucketMember())
	}
	w.owned = append(w.owned, x)
	answer, err := w.make(ctx, x, next, operation, in)
	if err != nil {
		return
	}
	x.arn = answer.Text("arn")
	if !x.room {
		w.run.configurations.add(x.arn)
	}
}

// registry holds the ARNs of configurations that workers made. Some may be gone.
type registry struct {
	mu   sync.Mutex // guards arns
	arns []string   // the last ones, maxOwned at most
}

func (r *registry) add(arn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.arns) == maxOwned {
		r.arns = r.arns[1:]
	}
	r.arns = append(r.arns, arn)
}

// any returns one at random, or nothing.
func (r *registry) any() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.arns) == 0 {
		return ""
	}
	return r.arns[rand.IntN(len(r.arns))]
}

// someConfiguration returns a configuration of any worker, or none.
func (w *worker) someConfiguration() []any {
	if arn := w.run.configurations.any(); arn != "" && rand.IntN(2) == 0 {
		return []any{arn}
	}
	return []any{}
}

func (x *resource) lengthMember() api.Field {
	return api.Field{Name: "maximumMessageLength", Value: x.length}
}

func (x *resource) logsMember() api.Field {
	return api.Field{Name: "loggingConfigurationIdentifiers", Value: x.logsTo}
}

func (x *resource) bucketMember() api.Field {
	return api.Field{Name: "destinationConfiguration", Value: api.Object{
		{Name: "s3", Value: api.Object{{Name: "bucketName", Value: x.bucket}}}}}
}

func (w *worker) update(ctx context.Context, x *resource) {
	next := *x
	in := api.Object{{Name: "identifier", Value: x.arn}}
	if !x.room {
		w.number++
		next.bucket = fmt.Sprintf("bucket-%d", w.number)
		_, _ = w.make(ctx, x, next, "UpdateLoggingConfiguration", append(in, next.bucketMember()))
		return
	}
	next.length, next.logsTo = 1+rand.IntN(500), w.someConfiguration()
	_, _ = w.make(ctx, x, next, "UpdateRoom", append(in, next.lengthMember(), next.logsMember()))
}

func (w *worker) tag(ctx context.Context, x *resource) {
	w.number++
	next := *x
	next.tags = maps.Clone(x.tags)
	key, value := fmt.Sprintf("tag%d", rand.IntN(maxTag)), fmt.Sprint(w.number)
	next.tags[key] = value
	_, _ = w.make(ctx, x, next, "TagResource", api.Object{{Name: "resourceArn", Value: x.arn},
		{Name: "tags", Value: api.Object{{Name: key, Value: value}}}})
}

func (w *worker) untag(ctx context.Context, x *resource) {
	next := *x
	next.tags = maps.Clone(x.tags)
	key := fmt.Sprintf("tag%d", rand.IntN(maxTag))
	delete(next.tags, key)
	_, _ = w.make(ctx, x, next, "UntagResource", api.Object{{Name: "resourceArn", Value: x.arn},
		{Name: "tagKeys", Value: []any{key}}})
}

func (w *worker) delete(ctx context.Context, x *resource) {
	next := *x
	next.gone = true
	operation := "DeleteLoggingConfiguration"
	if x.room {
		operation = "DeleteRoom"
	}
	_, _ = w.make(ctx, x, next, operation, api.Object{{Name: "identifier", Value: x.arn}})
}

// make makes a change at a node, and tells the history of it.
func (w *worker) make(
	ctx context.Context, x *resource, next resource, operation string, in api.Object,
) (api.Object, error) {
	r, node := w.run, anyNode()
	r.add(history.Changing{Name: x.name, Value: next.value(),
		How: fmt.Sprintf("%s at node %s", operation, r.cluster.nodes[node].name)})
	answer, err := r.call(ctx, node, operation, in)
	switch {
	case err == nil:
		r.add(history.Changed{Name: x.name})
		*x = next
	case serverFault(err) != nil:
		r.add(history.Doubtful{Name: x.name, Why: err.Error()})
		x.doubt, x.gone = &next, false
		return nil, err
	default:
		r.add(history.Unchanged{Name: x.name, Why: err.Error()})
		w.checkRefusal(x, node, operation, err)
	}
	return answer, err
}

// checkRefusal finds a resource that is denied, and refusals for no reason. A room cannot
// name a configuration that was deleted meanwhile, and there is a conflict about one that
// a room names, or whose deletion was begun.
func (w *worker) checkRefusal(x *resource, node int, operation string, err error) {
	var refused *api.Refusal
	_ = errors.As(err, &refused)
	switch {
	case refused.Status == http.StatusConflict:
	case refused.Status == http.StatusNotFound && x.room &&
		refused.Members.Text("resourceType") == "LOGGING_CONFIGURATION":
	case refused.Status == http.StatusNotFound:
		w.run.add(history.NotFound{Name: x.name, Node: w.run.cluster.nodes[node].name})
	default:
		w.run.fail(fmt.Errorf("%s of %s at node %c: %w", operation, x.name, 'a'+node, err))
	}
}

// settle removes doubts about the worker's resources when the nodes agree about them.
func (w *worker) settle(all listing) {
	for _, x := range w.owned {
		if x.doubt == nil {
			continue
		}
		seen := all.values[x.name]
		if seen == x.doubt.value() {
			*x = *x.doubt
		}
		x.doubt, x.gone, x.arn = nil, seen == "", all.arns[x.name]
	}
}

// listing is what a node has.
type listing struct {
	values map[string]string // by the resources' names
	arns   map[string]string
}

// list returns what a node has of what the workers made.
func (r *run) list(ctx context.Context, node int) (listing, error) {
	all := listing{map[string]string{}, map[string]string{}}
	configurations, err := r.pages(ctx, node, "ListLoggingConfigurations", "loggingConfigurations")
	if err != nil {
		return all, err
	}
	known := map[any]bool{}
	for _, found := range configurations {
		x := read(found)
		known[x.arn] = true
		all.values[x.name], all.arns[x.name] = x.value(), x.arn
	}
	rooms, err := r.pages(ctx, node, "ListRooms", "rooms")
	if err != nil {
		return all, err
	}
	for _, found := range rooms {
		if !strings.HasPrefix(found.Text("name"), workerPrefix) {
			continue // it is for chat
		}
		found, err := r.call(ctx, node, "GetRoom",
			api.Object{{Name: "identifier", Value: found.Text("arn")}})
		if err != nil {
			return all, err
		}
		x := read(found)
		all.values[x.name], all.arns[x.name] = x.value(), x.arn
		for _, arn := range x.logsTo {
			if !known[arn] {
				all.values[x.name] += fmt.Sprintf(", of which %s is missing", arn)
			}
		}
	}
	return all, nil
}

// workerPrefix begins the names of what workers make.
const workerPrefix = "worker"

// read reads an answer about a resource.
func read(found api.Object) *resource {
	x := &resource{name: found.Text("name"), arn: found.Text("arn"), tags: map[string]string{}}
	if length, ok := found.Get("maximumMessageLength"); ok {
		x.room = true
		_, _ = fmt.Sscan(fmt.Sprint(length), &x.length)
	}
	if logs, ok := found.Get("loggingConfigurationIdentifiers"); ok {
		x.logsTo, _ = logs.([]any)
	}
	if to, ok := found.Get("destinationConfiguration"); ok {
		s3, _ := to.(api.Object).Get("s3")
		x.bucket = s3.(api.Object).Text("bucketName")
	}
	tags, _ := found.Get("tags")
	for _, tag := range tags.(api.Object) {
		x.tags[tag.Name], _ = tag.Value.(string)
	}
	return x
}

// pages returns all entries of a list.
func (r *run) pages(ctx context.Context, node int, operation, member string) ([]api.Object, error) {
	var all []api.Object
	var in api.Object
	for {
		answer, err := r.call(ctx, node, operation, in)
		if err != nil {
			return nil, err
		}
		list, _ := answer.Get(member)
		for _, entry := range list.([]any) {
			all = append(all, entry.(api.Object))
		}
		next := answer.Text("nextToken")
		if next == "" {
			return all, nil
		}
		in = api.Object{{Name: "nextToken", Value: next}}
	}
}
