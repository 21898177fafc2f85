package buildx

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/moby/buildkit/client"
	"golang.org/x/sync/errgroup"
)

// CacheRecord is a part of a builder's cache: a line of docker buildx du.
type CacheRecord struct {
	ID string `json:"id"`
	// Type is BuildKit's word, one of those below.
	Type        string `json:"type"`
	Description string `json:"description"`
	// Size is in bytes, without that of its parents.
	Size       int64     `json:"size"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
	// Uses counts how often it was used.
	Uses int `json:"uses"`
	// InUse is set while a build runs or another record is built on it.
	InUse  bool `json:"inUse"`
	Shared bool `json:"shared"`
	// Mutable is set for what steps or clients may still write to, and for the result of a step that nothing was built on.
	Mutable bool     `json:"mutable"`
	Parents []string `json:"parents"`
	// Node is the name of the one that has it; IDs are unique in all of them.
	Node string `json:"node,omitempty"`
}

// Types of cache records.
const (
	RegularRecord  = string(client.UsageRecordTypeRegular)
	InternalRecord = string(client.UsageRecordTypeInternal)
	FrontendRecord = string(client.UsageRecordTypeFrontend)
	LocalRecord    = string(client.UsageRecordTypeLocalSource)
	GitRecord      = string(client.UsageRecordTypeGitCheckout)
	MountRecord    = string(client.UsageRecordTypeCacheMount)
)

// CacheRecords are all records of all nodes, by ID.
func (l *Live) CacheRecords(ctx context.Context) ([]CacheRecord, error) {
	all, err := l.usage(ctx)
	if err != nil {
		return nil, err
	}
	return l.recordsOf(all), nil
}

// usage are the records of each node.
func (l *Live) usage(ctx context.Context) ([][]*client.UsageInfo, error) {
	all := make([][]*client.UsageInfo, len(l.clients))
	eg, ctx := errgroup.WithContext(ctx)
	for i, c := range l.clients {
		eg.Go(func() error {
			var err error
			all[i], err = c.DiskUsage(ctx)
			return err
		})
	}
	return all, eg.Wait()
}

func (l *Live) recordsOf(all [][]*client.UsageInfo) []CacheRecord {
	out := []CacheRecord{}
	for i, records := range all {
		for _, info := range records {
			r := recordOf(info)
			r.Node = l.names[i]
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b CacheRecord) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func recordOf(u *client.UsageInfo) CacheRecord {
	r := CacheRecord{
		ID: u.ID, Type: cmp.Or(string(u.RecordType), RegularRecord), Description: u.Description, Size: u.Size,
		CreatedAt: u.CreatedAt, InUse: u.InUse, Shared: u.Shared, Mutable: u.Mutable, Uses: u.UsageCount, Parents: append([]string{}, u.Parents...),
	}
	if u.LastUsedAt != nil {
		r.LastUsedAt = *u.LastUsedAt
	}
	return r
}

// removedAtOnce bounds a request: every record of the builder is held against every ID in it.
const removedAtOnce = 200

// Remove removes records from the cache, and returns those that are gone now. Left are those in use and those that others
// are built on, unless these go too.
func (l *Live) Remove(ctx context.Context, ids []string) ([]CacheRecord, error) {
	out := []CacheRecord{}
	for _, c := range l.clients {
		// What is built on a record may be in a later part than the record.
		for again := len(ids) > 0; again; {
			before := len(out)
			for part := range slices.Chunk(ids, removedAtOnce) {
				removed, err := remove(ctx, c, part)
				out = append(out, removed...)
				if err != nil {
					return out, err
				}
			}
			again = len(ids) > removedAtOnce && len(out) > before
		}
	}
	slices.SortFunc(out, func(a, b CacheRecord) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

func remove(ctx context.Context, c *client.Client, ids []string) ([]CacheRecord, error) {
	filters := make([]string, len(ids))
	for i, id := range ids {
		filters[i] = "id==" + quoted(id)
	}
	var out []CacheRecord
	gone, done := make(chan client.UsageInfo), make(chan struct{})
	go func() {
		defer close(done)
		for info := range gone {
			out = append(out, recordOf(&info))
		}
	}()
	// All takes along what BuildKit keeps for itself, and what an engine shares with its images: they are named.
	err := c.Prune(ctx, gone, client.PruneAll, client.WithFilter(filters))
	close(gone)
	<-done
	return out, err
}
