// The entry by net/http and errgroup: five fetches at once under one deadline; live and user are required and
// cancel the rest when they fail, the others degrade.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const deadline = time.Second

type upstreams struct {
	client                                  *http.Client
	version, live, user, equity, statistics string
}

// required is a part whose failure is the entry's.
func required[T any](part *Part[T], fetch func() (*T, error)) error {
	began := time.Now()
	value, err := fetch()
	*part = Part[T]{Status: "ok", Data: value, Ms: float64(time.Since(began).Microseconds()) / 1000}
	return err
}

// optional is a part that may be missing.
func optional[T any](part *Part[T], fetch func() (*T, error)) error {
	if err := required(part, fetch); err != nil {
		part.Status, part.Data, part.Error = "failed", nil, err.Error()
	}
	return nil
}

func (u *upstreams) entry(ctx context.Context, room, user, platform string) (*Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	entry := &Entry{RoomID: room, UserID: user, Mode: "degrade"}
	parts := &entry.Parts
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return optional(&parts.Version, func() (*Version, error) { return u.versionOf(ctx, platform) })
	})
	group.Go(func() error {
		return required(&parts.Live, func() (*Live, error) { return u.liveOf(ctx, room) })
	})
	group.Go(func() error {
		return required(&parts.User, func() (*User, error) { return u.userOf(ctx, user) })
	})
	group.Go(func() error {
		return optional(&parts.Equity, func() (*Equity, error) {
			return get[Equity](ctx, u.client, u.equity+"/users/"+user+"/equity?roomId="+room)
		})
	})
	group.Go(func() error {
		return optional(&parts.Statistics, func() (*Statistics, error) { return u.statisticsOf(ctx, room) })
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	entry.Complete = parts.Version.Error == "" && parts.Equity.Error == "" && parts.Statistics.Error == ""
	return entry, nil
}

func isID(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

func (u *upstreams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(r.URL.Path, "/")
	if len(path) != 5 || path[1] != "v1" || path[2] != "rooms" || path[4] != "entry" || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	room, user, platform := path[3], r.Header.Get("x-user-id"), r.URL.Query().Get("platform")
	if platform == "" {
		platform = "web"
	}
	if !isID(room) || !isID(user) || !isID(platform) {
		http.Error(w, "bad id", http.StatusBadRequest)
		return
	}
	entry, err := u.entry(r.Context(), room, user, platform)
	if err != nil {
		http.Error(w, "upstream failed", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(entry)
}

func main() {
	env := func(name string) string { return os.Getenv("PORTICO_UPSTREAM_" + name) }
	u := &upstreams{newClient(), env("VERSION"), env("LIVE"), env("USER"), env("EQUITY"), env("STATISTICS")}
	address := os.Getenv("PORTICO_HOST") + ":" + os.Getenv("PORTICO_PORT")
	log.Fatal(http.ListenAndServe(address, u))
}
