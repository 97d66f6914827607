package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// kind is the resources of one kind, as the tests that are the same for both kinds
// see them.
type kind[T any] struct {
	resourceType parley.ResourceType
	new          func(w parley.World, at time.Time) T
	full         func() T // with every member set
	renamed      func(r T, name string) T
	parts        func(r *T) parts

	save   func(*store.Store, context.Context, T, int) error
	get    func(*store.Store, parley.ARN) (T, error)
	change func(*store.Store, context.Context, parley.ARN, func(T) (T, error)) (T, error)
	delete func(*store.Store, context.Context, parley.ARN) error
	list   func(*store.Store, context.Context, parley.World, parley.Cursor, int) ([]T, bool)
	count  func(*store.Store, parley.World) int
}

// parts are the members that both kinds have.
type parts struct {
	ARN                    *parley.ARN
	Name                   *string
	Tags                   *map[string]string
	CreateTime, UpdateTime *time.Time
}

var rooms = kind[parley.Room]{
	resourceType: parley.ResourceRoom,
	new: func(w parley.World, at time.Time) parley.Room {
		return parley.NewRoom(w, parley.RoomChange{}, nil, at)
	},
	full: fullRoom,
	renamed: func(r parley.Room, name string) parley.Room {
		return r.With(parley.RoomChange{Name: &name}, time.Now())
	},
	parts: func(r *parley.Room) parts {
		return parts{&r.ARN, &r.Name, &r.Tags, &r.CreateTime, &r.UpdateTime}
	},
	save:   (*store.Store).CreateRoom,
	get:    (*store.Store).Room,
	change: (*store.Store).UpdateRoom,
	delete: (*store.Store).DeleteRoom,
	list: func(s *store.Store, ctx context.Context, w parley.World, after parley.Cursor, limit int,
	) ([]parley.Room, bool) {
		return s.ListRooms(ctx, w, after, limit, all)
	},
	count: (*store.Store).CountRooms,
}

var configurations = kind[parley.LoggingConfiguration]{
	resourceType: parley.ResourceLoggingConfiguration,
	new: func(w parley.World, at time.Time) parley.LoggingConfiguration {
		return parley.NewLoggingConfiguration(w, parley.LoggingConfigurationChange{
			Destination: &parley.Destination{Kind: parley.DestinationS3, Name: "logs"},
		}, nil, at)
	},
	full: fullConfiguration,
	renamed: func(l parley.LoggingConfiguration, name string) parley.LoggingConfiguration {
		return l.With(parley.LoggingConfigurationChange{Name: &name}, time.Now())
	},
	parts: func(l *parley.LoggingConfiguration) parts {
		return parts{&l.ARN, &l.Name, &l.Tags, &l.CreateTime, &l.UpdateTime}
	},
	save:   (*store.Store).CreateLoggingConfiguration,
	get:    (*store.Store).LoggingConfiguration,
	change: (*store.Store).UpdateLoggingConfiguration,
	delete: (*store.Store).DeleteLoggingConfiguration,
	list:   (*store.Store).ListLoggingConfigurations,
	count:  (*store.Store).CountLoggingConfigurations,
}

func TestRoomsSurviveReopening(t *testing.T)                 { rooms.testReopening(t) }
func TestLoggingConfigurationsSurviveReopening(t *testing.T) { configurations.testReopening(t) }

// suite returns the tests of what both kinds have in common. Their names go on after
// that of the kind.
func (k kind[T]) suite() []behaviour {
	return []behaviour{
		{"are kept", k.testKept},
		{"are replaced by updates", k.testUpdate},
		{"that are unknown are not found", k.testUnknown},
		{"that exist are not created", k.testExisting},
		{"share nothing with the caller", k.testNobodyElses},
		{"have safe ARNs", k.testUnsafeARNs},
		{"have a quota", k.testQuota},
		{"never exceed their quota", k.testQuotaIsNotOvershot},
		{"lose no concurrent update", k.testConcurrentUpdates},
		{"are deleted while they are updated", k.testUpdatesAndDeletion},
		{"are as the same caller left them", k.testSeenAtOnce},
		{"are listed in order", k.testListInOrder},
		{"move in the list with their UpdateTime", k.testUpdateMoves},
		{"are listed once while others change", k.testPagesWhileChanging},
	}
}

func (k kind[T]) arn(r T) parley.ARN { return *k.parts(&r).ARN }

func (k kind[T]) cursor(r T) parley.Cursor {
	p := k.parts(&r)
	return parley.Cursor{UpdateTime: *p.UpdateTime, ARN: *p.ARN}
}

// plain returns a resource without the readings of the monotonic clock in its
// times, which are not stored.
func (k kind[T]) plain(r T) T {
	p := k.parts(&r)
	*p.CreateTime, *p.UpdateTime = p.CreateTime.Round(0), p.UpdateTime.Round(0)
	return r
}

func (k kind[T]) fresh() T { return k.new(world, time.Now()) }

func (k kind[T]) create(t testing.TB, s *store.Store) T {
	t.Helper()
	return k.mustSave(t, s, k.fresh())
}

func (k kind[T]) mustSave(t testing.TB, s *store.Store, r T) T {
	t.Helper()
	if err := k.save(s, t.Context(), r, 0); err != nil {
		t.Fatalf("create %s = %v, want nil", k.arn(r), err)
	}
	return r
}

func (k kind[T]) rename(t testing.TB, s *store.Store, r T, name string) T {
	t.Helper()
	r, err := k.change(s, t.Context(), k.arn(r), func(r T) (T, error) {
		return k.renamed(r, name), nil
	})
	if err != nil {
		t.Fatalf("rename to %q = %v, want nil", name, err)
	}
	return r
}

func (k kind[T]) mustDelete(t testing.TB, s *store.Store, r T) {
	t.Helper()
	if err := k.delete(s, t.Context(), k.arn(r)); err != nil {
		t.Fatalf("delete %s = %v, want nil", k.arn(r), err)
	}
}

// want checks that these resources exist, as they are, and no others.
func (k kind[T]) want(t testing.TB, s *store.Store, want ...T) {
	t.Helper()
	for _, r := range want {
		got, err := k.get(s, k.arn(r))
		if diff := cmp.Diff(k.plain(r), got); err != nil || diff != "" {
			t.Errorf("get %s = %v, differs (-want +got):\n%s", k.arn(r), err, diff)
		}
	}
	list, more := k.list(s, t.Context(), world, parley.Cursor{}, len(want)+1)
	if n := k.count(s, world); len(list) != len(want) || more || n != len(want) {
		t.Errorf("%d are listed, more %v, and %d counted; want %d", len(list), more, n, len(want))
	}
}

// inParallel calls do n times at once and returns the errors.
func inParallel(n int, do func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func (k kind[T]) testKept(t *testing.T, s *store.Store) {
	full := k.full()
	setUp(t, s, full)
	k.want(t, s, k.mustSave(t, s, full), k.create(t, s))
}

// setUp creates the logging configurations that a resource names.
func setUp(t testing.TB, s *store.Store, r any) {
	t.Helper()
	room, ok := r.(parley.Room)
	if !ok {
		return
	}
	for _, arn := range room.LoggingConfigurations {
		l := configurations.fresh()
		l.ARN = arn
		configurations.mustSave(t, s, l)
	}
}

func (k kind[T]) testReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	full := k.full()
	setUp(t, s, full)
	k.mustSave(t, s, full)
	changed, gone := k.create(t, s), k.create(t, s)
	changed = k.rename(t, s, changed, "new")
	k.mustDelete(t, s, gone)
	closeStore(t, s)
	s = open(t, dir)
	k.want(t, s, full, changed)
	changed = k.rename(t, s, changed, "newer")
	k.mustDelete(t, s, full)
	k.want(t, s, changed)
}

func (k kind[T]) testUpdate(t *testing.T, s *store.Store) {
	before := k.create(t, s)
	want := k.plain(k.renamed(before, "after"))
	got, err := k.change(s, t.Context(), k.arn(before), func(have T) (T, error) {
		if diff := cmp.Diff(k.plain(before), have); diff != "" {
			t.Errorf("change is given another resource (-want +got):\n%s", diff)
		}
		changed := want
		k.parts(&changed).ARN.ID = "other" // which is nobody's to change
		return changed, nil
	})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("update = %v, differs (-want +got):\n%s", err, diff)
	}
	k.want(t, s, want)

	refused := errors.New("refused")
	_, err = k.change(s, t.Context(), k.arn(before), func(have T) (T, error) {
		return k.renamed(have, "refused"), refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("update = %v, want the error of change", err)
	}
	k.want(t, s, want)
}

func (k kind[T]) testUnknown(t *testing.T, s *store.Store) {
	deleted, other := k.create(t, s), k.fresh()
	k.mustDelete(t, s, deleted)
	for _, arn := range []parley.ARN{k.arn(deleted), k.arn(other), {}} {
		_, err := k.get(s, arn)
		wantCode(t, "get", err, parley.NotFound)
	}
	for _, arn := range []parley.ARN{k.arn(deleted), k.arn(other)} {
		_, err := k.change(s, t.Context(), arn, func(r T) (T, error) {
			t.Errorf("update of %s calls change", arn)
			return r, nil
		})
		wantCode(t, "update", err, parley.NotFound)
		wantCode(t, "delete", k.delete(s, t.Context(), arn), parley.NotFound)
	}
	k.want(t, s)
}

func (k kind[T]) testExisting(t *testing.T, s *store.Store) {
	first := k.create(t, s)
	err := k.save(s, t.Context(), k.renamed(first, "second"), 0)
	wantCode(t, "create again", err, parley.Conflict)
	wantResource(t, err, parley.Resource{Type: k.resourceType, ID: k.arn(first).ID}, 0)
	k.want(t, s, first)
}

func (k kind[T]) testNobodyElses(t *testing.T, s *store.Store) {
	r := k.fresh()
	tags := map[string]string{"size": "large"}
	*k.parts(&r).Tags = tags
	k.mustSave(t, s, r)
	tags["size"] = "small"
	*k.parts(&r).Tags = map[string]string{"size": "large"}
	k.want(t, s, r)

	tags = map[string]string{"size": "medium"}
	_, err := k.change(s, t.Context(), k.arn(r), func(r T) (T, error) {
		*k.parts(&r).Tags = tags
		return r, nil
	})
	if err != nil {
		t.Fatalf("update = %v, want nil", err)
	}
	tags["size"] = "small"
	*k.parts(&r).Tags = map[string]string{"size": "medium"}
	k.want(t, s, r)
}

// unsafeARNs returns ARNs like a good one that must not reach the engine.
func unsafeARNs(good parley.ARN) []parley.ARN {
	otherKind := parley.KindRoom
	if good.Kind == parley.KindRoom {
		otherKind = parley.KindLoggingConfiguration
	}
	return []parley.ARN{
		{},
		{Region: "*", Account: good.Account, Kind: good.Kind, ID: good.ID},
		{Region: good.Region, Account: "*", Kind: good.Kind, ID: good.ID},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: "*"},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: ">"},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: ""},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: "a b"},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: "a\r\nPUB x 0"},
		{Region: good.Region, Account: "1." + good.Account, Kind: good.Kind, ID: good.ID},
		{Region: good.Region, Account: good.Account, Kind: otherKind, ID: good.ID},
		{Region: good.Region, Account: good.Account, Kind: good.Kind, ID: fmt.Sprintf("%0129d", 1)},
	}
}

func (k kind[T]) testUnsafeARNs(t *testing.T, s *store.Store) {
	good := k.create(t, s)
	for _, arn := range unsafeARNs(k.arn(good)) {
		r := k.fresh()
		*k.parts(&r).ARN = arn
		_, err := k.change(s, t.Context(), arn, func(r T) (T, error) { return r, nil })
		for what, err := range map[string]error{
			"create": k.save(s, t.Context(), r, 0),
			"update": err,
			"delete": k.delete(s, t.Context(), arn),
		} {
			wantCode(t, fmt.Sprintf("%s %q", what, arn), err, parley.Invalid)
		}
	}
	k.want(t, s, good)
}

func (k kind[T]) testQuota(t *testing.T, s *store.Store) {
	const limit = 3
	var list []T
	for range limit {
		r := k.fresh()
		if err := k.save(s, t.Context(), r, limit); err != nil {
			t.Fatalf("create with %d of %d there = %v, want nil", len(list), limit, err)
		}
		list = append(list, r)
	}
	err := k.save(s, t.Context(), k.fresh(), limit)
	wantCode(t, "create over the quota", err, parley.QuotaExceeded)
	wantResource(t, err, parley.Resource{Type: k.resourceType, ID: world.Account}, limit)
	elsewhere := k.new(parley.World{Region: "us-east-1", Account: world.Account}, time.Now())
	if err := k.save(s, t.Context(), elsewhere, 1); err != nil {
		t.Errorf("create in another region = %v, want nil", err)
	}
	wantCode(t, "create of an existing one", k.save(s, t.Context(), list[0], limit+1),
		parley.Conflict)
	k.mustDelete(t, s, list[0])
	if err := k.save(s, t.Context(), k.fresh(), limit); err != nil {
		t.Errorf("create after a deletion = %v, want nil", err)
	}
}

func (k kind[T]) testQuotaIsNotOvershot(t *testing.T, s *store.Store) {
	const limit, callers = 20, 100
	created := make([]T, callers)
	errs := inParallel(callers, func(i int) error {
		created[i] = k.fresh()
		return k.save(s, t.Context(), created[i], limit)
	})
	var want []T
	for i, err := range errs {
		if err == nil {
			want = append(want, created[i])
			continue
		}
		wantCode(t, "create over the quota", err, parley.QuotaExceeded)
	}
	if len(want) != limit {
		t.Errorf("%d creations succeeded, want %d", len(want), limit)
	}
	k.want(t, s, want...)
}

func (k kind[T]) testConcurrentUpdates(t *testing.T, s *store.Store) {
	const callers, updates = 50, 4
	want := k.create(t, s)
	tags := map[string]string{}
	*k.parts(&want).Tags = tags
	for i := range callers {
		for n := range updates {
			tags[fmt.Sprintf("%d-%d", i, n)] = ""
		}
	}
	errs := inParallel(callers, func(i int) error {
		for n := range updates {
			key := fmt.Sprintf("%d-%d", i, n)
			if _, err := k.change(s, t.Context(), k.arn(want), k.tagged(key)); err != nil {
				return fmt.Errorf("update by %s: %w", key, err)
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	k.want(t, s, want)
}

// tagged returns a change that adds a tag, and leaves UpdateTime as it is.
func (k kind[T]) tagged(key string) func(T) (T, error) {
	return func(r T) (T, error) {
		tags := map[string]string{key: ""}
		maps.Copy(tags, *k.parts(&r).Tags)
		*k.parts(&r).Tags = tags
		return r, nil
	}
}

func (k kind[T]) testUpdatesAndDeletion(t *testing.T, s *store.Store) {
	r := k.create(t, s)
	errs := inParallel(20, func(i int) error {
		if i == 10 {
			return k.delete(s, t.Context(), k.arn(r))
		}
		_, err := k.change(s, t.Context(), k.arn(r), k.tagged(strconv.Itoa(i)))
		return err
	})
	for i, err := range errs {
		if err != nil {
			wantCode(t, fmt.Sprintf("caller %d", i), err, parley.NotFound)
		}
	}
	if errs[10] != nil {
		t.Errorf("delete = %v, want nil", errs[10])
	}
	_, err := k.get(s, k.arn(r))
	wantCode(t, "get after the deletion", err, parley.NotFound)
	k.want(t, s)
}

func (k kind[T]) testSeenAtOnce(t *testing.T, s *store.Store) {
	for i := range 50 {
		r := k.create(t, s)
		k.want(t, s, r)
		k.want(t, s, k.rename(t, s, r, strconv.Itoa(i)))
		k.mustDelete(t, s, r)
		if got, err := k.get(s, k.arn(r)); err == nil {
			t.Fatalf("get after delete = %v, want not found", got)
		}
	}
	k.want(t, s)
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// createAt creates resources with the given ids and nanoseconds of update.
func (k kind[T]) createAt(t testing.TB, s *store.Store, nanos map[string]int) {
	t.Helper()
	for id, n := range nanos {
		r := k.new(world, epoch.Add(time.Duration(n)))
		k.parts(&r).ARN.ID = id
		k.mustSave(t, s, r)
	}
}

func (k kind[T]) ids(list []T) []string {
	var ids []string
	for _, r := range list {
		ids = append(ids, k.arn(r).ID)
	}
	return ids
}

// pages returns the ids of all resources, read in pages.
func (k kind[T]) pages(t *testing.T, s *store.Store, size int, between func(page int)) []string {
	t.Helper()
	var all []string
	var after parley.Cursor
	for page := 0; ; page++ {
		list, more := k.list(s, t.Context(), world, after, size)
		all = append(all, k.ids(list)...)
		if !more {
			return all
		}
		if len(list) != size {
			t.Fatalf("page %d has %d and there are more, want %d", page, len(list), size)
		}
		after = k.cursor(list[size-1])
		between(page)
	}
}

func (k kind[T]) testListInOrder(t *testing.T, s *store.Store) {
	k.createAt(t, s, map[string]int{"a": 1, "b": 3, "c": 3, "d": 3, "e": 4, "f": 2})
	k.mustSave(t, s, k.new(parley.World{Region: "us-east-1", Account: world.Account}, epoch))
	want := []string{"e", "b", "c", "d", "f", "a"}
	for size := 1; size <= len(want)+1; size++ {
		got := k.pages(t, s, size, func(int) {})
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", size, got, want)
		}
	}
	list, more := k.list(s, t.Context(), parley.World{}, parley.Cursor{}, 10)
	if n := k.count(s, parley.World{}); len(list) > 0 || more || n != 0 {
		t.Errorf("in an unknown world: %v, more %v, %d counted; want none", k.ids(list), more, n)
	}
}

func (k kind[T]) testUpdateMoves(t *testing.T, s *store.Store) {
	k.createAt(t, s, map[string]int{"a": 1, "b": 2, "c": 2, "d": 3})
	b := k.arn(k.fresh())
	b.ID = "b"
	r, err := k.change(s, t.Context(), b, k.tagged("x"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"d", "b", "c", "a"}
	if got := k.pages(t, s, 2, func(int) {}); !slices.Equal(got, want) {
		t.Errorf("after a change of tags: %v, want %v", got, want)
	}
	list, _ := k.list(s, t.Context(), world, parley.Cursor{}, len(want))
	if diff := cmp.Diff(map[string]string{"x": ""}, *k.parts(&list[1]).Tags); diff != "" {
		t.Errorf("the list does not show the change of tags (-want +got):\n%s", diff)
	}
	k.rename(t, s, r, "x")
	want = []string{"b", "d", "c", "a"}
	if got := k.pages(t, s, 2, func(int) {}); !slices.Equal(got, want) {
		t.Errorf("after a change of the name: %v, want %v", got, want)
	}
}

func (k kind[T]) testPagesWhileChanging(t *testing.T, s *store.Store) {
	var stay []string
	var moved, gone []T
	for i := range 60 {
		r := k.create(t, s)
		switch i % 3 {
		case 0:
			moved = append(moved, r)
		case 1:
			gone = append(gone, r)
		default:
			stay = append(stay, k.arn(r).ID)
		}
	}
	got := k.pages(t, s, 5, func(page int) {
		k.create(t, s)
		k.rename(t, s, moved[page%len(moved)], "moved")
		if page < len(gone) {
			k.mustDelete(t, s, gone[page])
		}
	})
	counts := map[string]int{}
	for _, id := range got {
		counts[id]++
	}
	for _, id := range stay {
		if counts[id] != 1 {
			t.Errorf("%s, which did not change, was listed %d times, want once", id, counts[id])
		}
	}
	for id, n := range counts {
		if n > 1 {
			t.Errorf("%s was listed %d times", id, n)
		}
	}
}
