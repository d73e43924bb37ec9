-- wrk's requests: clients entering rooms. BENCH_ROOMS rooms in turn (0: a new one every time), always a new user.
-- BENCH_SEED keeps the ids of one run apart from those of the others.
local rooms = tonumber(os.getenv("BENCH_ROOMS") or "0")
local seed = os.getenv("BENCH_SEED") or "s"
local count = 0

function request()
  count = count + 1
  local room = rooms == 0 and (seed .. "r" .. count) or ("room" .. (count % rooms))
  return "GET /v1/rooms/" .. room .. "/entry HTTP/1.1\r\nHost: bench\r\nx-user-id: " .. seed .. "u" .. count .. "\r\n\r\n"
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"failed":%d,"refused":%d,"p50":%.4f,"p99":%.4f,"max":%.4f}\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
