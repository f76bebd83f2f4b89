-- What wrk sends, and the one line it says at the end. Told by the environment:
--   BENCH_PATHS     a file with a path in each line: asked for in turn
--   BENCH_PIPELINE  so many requests are sent at once
--   BENCH_STATUS    every answer must have this status (slow: for a check, not for a measurement)

local threads = {}
local turn, requests = 0, {}
local status = os.getenv("BENCH_STATUS")
wrong = 0 -- of this thread; global, so that done() can read it

function setup(thread)
    table.insert(threads, thread)
end

function init()
    local file, depth = os.getenv("BENCH_PATHS"), tonumber(os.getenv("BENCH_PIPELINE") or 1)
    if file then
        for path in io.lines(file) do
            table.insert(requests, wrk.format(nil, path))
        end
        request = function()
            turn = turn % #requests + 1
            return requests[turn]
        end
    elseif depth > 1 then
        local batch = string.rep(wrk.format(), depth)
        request = function() return batch end
    end
end

if status then
    function response(got)
        if got ~= tonumber(status) then wrong = wrong + 1 end
    end
end

-- The nearest rank, from the histogram: wrk's own percentile is 0 where requests are pipelined.
local function percentile(latency, percent)
    local all, passed = 0, 0
    for i = 1, #latency do
        local _, count = latency(i)
        all = all + count
    end
    for i = 1, #latency do
        local value, count = latency(i)
        passed = passed + count
        if passed * 100 >= all * percent then return value end
    end
    return 0
end

function done(summary, latency)
    local errors = summary.errors
    for _, thread in ipairs(threads) do
        wrong = wrong + thread:get("wrong")
    end
    print(string.format(
        "BENCH requests=%d duration_us=%d bytes=%d connect=%d read=%d write=%d status=%d timeout=%d " ..
        "wrong=%d p50_us=%d p99_us=%d", summary.requests, summary.duration, summary.bytes, errors.connect,
        errors.read, errors.write, errors.status, errors.timeout, wrong, percentile(latency, 50),
        percentile(latency, 99)))
end
