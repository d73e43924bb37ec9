//go:build !singleflight

// Every entry fetches its own five parts.
package main

import "context"

func (u *upstreams) versionOf(ctx context.Context, platform string) (*Version, error) {
	return get[Version](ctx, u.client, u.version+"/version?platform="+platform)
}

func (u *upstreams) liveOf(ctx context.Context, room string) (*Live, error) {
	return get[Live](ctx, u.client, u.live+"/rooms/"+room)
}

func (u *upstreams) userOf(ctx context.Context, user string) (*User, error) {
	return get[User](ctx, u.client, u.user+"/users/"+user)
}

func (u *upstreams) statisticsOf(ctx context.Context, room string) (*Statistics, error) {
	return get[Statistics](ctx, u.client, u.statistics+"/rooms/"+room+"/statistics")
}
