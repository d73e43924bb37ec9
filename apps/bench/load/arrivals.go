// Viewers who arrive at a constant rate, however the server fares: an open loop. wrk is a closed one: its clients wait for
// their answers before they ask again, so a server that slows down slows its load down too, and never collapses.
// Arguments: port, arrivals a second, seconds before any is counted, seconds, the milliseconds within which an answer is of
// use. Prints what came of them.
//
// A viewer takes a connection that is free, else opens one, and leaves after twice the time. Latencies count from when
// the request was due, not from when it was sent, so that a generator that is late flatters nobody. In Go, which at ten
// thousand a second is late itself by a fraction of what Node is: a millisecond is what is measured here.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"os"
	"runtime/debug"
	"sort"
	"strconv"
	"sync"
	"time"
)

// A refusal is promised within these milliseconds.
const soon = 5

type viewers struct {
	port                   int
	rate, lead, secs, most float64
	seed                   string
	began                  time.Time

	mutex                                 sync.Mutex
	idle                                  []*connection
	opened, sent                          int
	entries, shed, lags                   []float64
	complete, late, failed, lost, pending int
}

type connection struct {
	socket net.Conn
	// When the request was due that is to be sent.
	due    chan time.Time
	buffer []byte
	answer []byte
}

func number(index int) float64 {
	value, err := strconv.ParseFloat(os.Args[index], 64)
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	// What it keeps is small and grows with the number of viewers; a pause would be taken for the server's.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(1 << 30)
	v := &viewers{
		port: int(number(1)), rate: number(2), lead: number(3), secs: number(4), most: number(5),
		seed: "a" + strconv.FormatInt(int64(os.Getpid()%46_656), 36),
	}
	v.prepare()
	v.arrive()
	v.report()
}

// Opens the connections that viewers before these would have left behind: as many as there would be if each answer took a
// half of the deadline.
func (v *viewers) prepare() {
	ready := int(math.Min(6_000, v.rate*v.most/2_000))
	for len(v.idle) < ready {
		if c := v.open(); c != nil {
			v.idle = append(v.idle, c)
		}
		time.Sleep(500 * time.Microsecond)
	}
	time.Sleep(500 * time.Millisecond)
}

func (v *viewers) open() *connection {
	v.mutex.Lock()
	v.opened++
	address := net.IPv4(127, 0, 0, byte(2+v.opened%32))
	v.mutex.Unlock()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: address}, Timeout: v.patience()}
	socket, err := dialer.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", v.port))
	if err != nil {
		return nil
	}
	c := &connection{socket: socket, due: make(chan time.Time, 1), buffer: make([]byte, 4_096)}
	go v.serve(c)
	return c
}

// Every request when it is due, for as long as they come.
func (v *viewers) arrive() {
	v.began = time.Now()
	total := int(v.rate * (v.lead + v.secs))
	for {
		now := time.Now()
		due := int(now.Sub(v.began).Seconds()*v.rate) + 1
		if due > total {
			due = total
		}
		for v.sent < due {
			v.enter(v.began.Add(time.Duration(float64(v.sent) * 1e9 / v.rate)))
		}
		v.mutex.Lock()
		over := v.sent >= total && v.pending == 0
		v.mutex.Unlock()
		if over {
			return
		}
		time.Sleep(500 * time.Microsecond)
	}
}

func (v *viewers) enter(due time.Time) {
	v.mutex.Lock()
	v.sent++
	v.pending++
	var c *connection
	if last := len(v.idle) - 1; last >= 0 {
		c, v.idle = v.idle[last], v.idle[:last]
	}
	v.mutex.Unlock()
	if c != nil {
		c.due <- due
		return
	}
	// A server that has too much to do may take its time to accept.
	go func() {
		if c := v.open(); c != nil {
			c.due <- due
			return
		}
		v.mutex.Lock()
		defer v.mutex.Unlock()
		v.pending--
		if v.counts(due) {
			v.lost++
		}
	}()
}

// How long a viewer waits before it leaves.
func (v *viewers) patience() time.Duration {
	return time.Duration(2 * v.most * float64(time.Millisecond))
}

func (v *viewers) counts(due time.Time) bool { return due.Sub(v.began).Seconds() >= v.lead }

// The requests of one connection, one after the other.
func (v *viewers) serve(c *connection) {
	defer c.socket.Close()
	asked := 0
	request := make([]byte, 0, 256)
	for due := range c.due {
		asked++
		id := fmt.Sprintf("%sx%pn%d", v.seed, c, asked)
		request = fmt.Appendf(request[:0], "GET /v1/rooms/%s/entry HTTP/1.1\r\nHost: bench\r\nx-user-id: %s\r\n\r\n", id, id)
		sent := time.Now()
		c.socket.SetDeadline(due.Add(v.patience()))
		_, err := c.socket.Write(request)
		if err == nil {
			err = c.read()
		}
		answered := time.Now()
		closes := err != nil || bytes.Contains(bytes.ToLower(c.answer[:bytes.Index(c.answer, headEnd)]), []byte("\r\nconnection: close"))
		v.mutex.Lock()
		v.pending--
		if v.counts(due) {
			v.lags = append(v.lags, millis(sent.Sub(due)))
			if err != nil {
				v.lost++
			} else {
				v.note(c.answer, millis(answered.Sub(due)))
			}
		}
		if !closes {
			v.idle = append(v.idle, c)
		}
		v.mutex.Unlock()
		if closes {
			return
		}
	}
}

var headEnd = []byte("\r\n\r\n")

// Reads one answer, all of which say their length.
func (c *connection) read() error {
	c.answer = c.answer[:0]
	whole := -1
	for whole < 0 || len(c.answer) < whole {
		count, err := c.socket.Read(c.buffer)
		if err != nil {
			return err
		}
		c.answer = append(c.answer, c.buffer[:count]...)
		if whole < 0 {
			if head := bytes.Index(c.answer, headEnd); head >= 0 {
				length, err := lengthIn(c.answer[:head+2])
				if err != nil {
					return err
				}
				whole = head + len(headEnd) + length
			}
		}
	}
	return nil
}

func lengthIn(head []byte) (int, error) {
	name := []byte("\r\ncontent-length: ")
	_, rest, _ := bytes.Cut(bytes.ToLower(head), name)
	text, _, _ := bytes.Cut(rest, []byte("\r"))
	return strconv.Atoi(string(text))
}

func (v *viewers) note(answer []byte, took float64) {
	status := string(answer[9:12])
	switch {
	case status == "503" && bytes.Contains(answer, []byte(`"_tag":"Overloaded"`)):
		v.shed = append(v.shed, took)
	case status != "200":
		v.failed++
	default:
		v.entries = append(v.entries, took)
		if took > v.most {
			v.late++
		} else if bytes.Contains(answer, []byte(`"complete":true`)) {
			v.complete++
		}
	}
}

func millis(d time.Duration) float64 { return float64(d) / 1e6 }

func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := int(float64(len(sorted)) * q)
	if at >= len(sorted) {
		at = len(sorted) - 1
	}
	return sorted[at]
}

func (v *viewers) report() {
	for _, each := range [][]float64{v.entries, v.shed, v.lags} {
		sort.Float64s(each)
	}
	within := sort.SearchFloat64s(v.shed, soon)
	result := map[string]float64{
		"offered":  float64(v.sent - int(v.rate*v.lead)),
		"complete": float64(v.complete), "inTime": float64(len(v.entries) - v.late), "late": float64(v.late),
		"shed": float64(len(v.shed)), "shedSoon": float64(within), "failed": float64(v.failed), "lost": float64(v.lost),
		"p50": quantile(v.entries, 0.5), "p99": quantile(v.entries, 0.99),
		"shedP50": quantile(v.shed, 0.5), "shedP90": quantile(v.shed, 0.9), "shedP99": quantile(v.shed, 0.99),
		"lagP99": quantile(v.lags, 0.99),
	}
	text, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	fmt.Printf("RESULT %s\n", text)
}
