// One typed fetch from one upstream, under its own timeout.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const partTimeout = 800 * time.Millisecond

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: partTimeout, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: 65536,
		IdleConnTimeout:     90 * time.Second,
	}}
}

func get[T any](ctx context.Context, client *http.Client, url string) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		io.Copy(io.Discard, res.Body)
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	value := new(T)
	if err := json.NewDecoder(res.Body).Decode(value); err != nil {
		return nil, err
	}
	// What is left of a chunked body, so that the connection is kept.
	io.Copy(io.Discard, res.Body)
	return value, nil
}
