// The entry and its parts, as typed JSON.
package main

type Version struct {
	Latest   string   `json:"latest"`
	Minimum  string   `json:"minimum"`
	Features []string `json:"features"`
}

type Stream struct {
	Protocol string `json:"protocol"`
	Quality  string `json:"quality"`
	URL      string `json:"url"`
}

type Live struct {
	RoomID    string   `json:"roomId"`
	Title     string   `json:"title"`
	Status    string   `json:"status"`
	AnchorID  string   `json:"anchorId"`
	CoverURL  string   `json:"coverUrl"`
	StartedAt string   `json:"startedAt"`
	Streams   []Stream `json:"streams"`
}

type User struct {
	UserID    string `json:"userId"`
	Nickname  string `json:"nickname"`
	Level     int    `json:"level"`
	AvatarURL string `json:"avatarUrl"`
}

type Equity struct {
	UserID     string   `json:"userId"`
	VIP        bool     `json:"vip"`
	Badges     []string `json:"badges"`
	Coins      int      `json:"coins"`
	Privileges []string `json:"privileges"`
}

type Statistics struct {
	RoomID  string `json:"roomId"`
	Viewers int    `json:"viewers"`
	Likes   int    `json:"likes"`
	Gifts   int    `json:"gifts"`
}

type Part[T any] struct {
	Status string  `json:"status"`
	Data   *T      `json:"data,omitempty"`
	Error  string  `json:"error,omitempty"`
	Ms     float64 `json:"ms"`
}

type Parts struct {
	Version    Part[Version]    `json:"version"`
	Live       Part[Live]       `json:"live"`
	User       Part[User]       `json:"user"`
	Equity     Part[Equity]     `json:"equity"`
	Statistics Part[Statistics] `json:"statistics"`
}

type Entry struct {
	RoomID   string `json:"roomId"`
	UserID   string `json:"userId"`
	Mode     string `json:"mode"`
	Complete bool   `json:"complete"`
	Parts    Parts  `json:"parts"`
}
