//go:build singleflight

// Parts that entries share: one fetch in flight for a key, and its answer kept for a second.
package main

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const freshFor = time.Second

type kept[T any] struct {
	value   *T
	expires time.Time
}

type sharing[T any] struct {
	group singleflight.Group
	mu    sync.RWMutex
	kept  map[string]kept[T]
}

func newSharing[T any]() *sharing[T] {
	s := &sharing[T]{kept: map[string]kept[T]{}}
	go func() {
		for now := range time.Tick(freshFor) {
			s.mu.Lock()
			for key, entry := range s.kept {
				if now.After(entry.expires) {
					delete(s.kept, key)
				}
			}
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *sharing[T]) get(ctx context.Context, key string, load func(context.Context) (*T, error)) (*T, error) {
	s.mu.RLock()
	entry, ok := s.kept[key]
	s.mu.RUnlock()
	if ok && time.Now().Before(entry.expires) {
		return entry.value, nil
	}
	// The flight outlives the caller that started it: others may be waiting.
	flight := s.group.DoChan(key, func() (any, error) {
		value, err := load(context.Background())
		if err == nil {
			s.mu.Lock()
			s.kept[key] = kept[T]{value, time.Now().Add(freshFor)}
			s.mu.Unlock()
		}
		return value, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case result := <-flight:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*T), nil
	}
}

var (
	versions   = newSharing[Version]()
	lives      = newSharing[Live]()
	users      = newSharing[User]()
	statistics = newSharing[Statistics]()
)

func (u *upstreams) versionOf(ctx context.Context, platform string) (*Version, error) {
	return versions.get(ctx, platform, func(ctx context.Context) (*Version, error) {
		return get[Version](ctx, u.client, u.version+"/version?platform="+platform)
	})
}

func (u *upstreams) liveOf(ctx context.Context, room string) (*Live, error) {
	return lives.get(ctx, room, func(ctx context.Context) (*Live, error) {
		return get[Live](ctx, u.client, u.live+"/rooms/"+room)
	})
}

func (u *upstreams) userOf(ctx context.Context, user string) (*User, error) {
	return users.get(ctx, user, func(ctx context.Context) (*User, error) {
		return get[User](ctx, u.client, u.user+"/users/"+user)
	})
}

func (u *upstreams) statisticsOf(ctx context.Context, room string) (*Statistics, error) {
	return statistics.get(ctx, room, func(ctx context.Context) (*Statistics, error) {
		return get[Statistics](ctx, u.client, u.statistics+"/rooms/"+room+"/statistics")
	})
}
