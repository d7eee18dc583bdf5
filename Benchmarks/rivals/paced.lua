-- A load below the limit: each connection thinks for a while before it asks again, MEAN milliseconds on average
-- (between half of that and half as much again). What wrk tells at the end is as in load.lua.
local least, most
init = function(args)
    local mean = tonumber(args[1])
    least, most = mean / 2, mean * 3 / 2
end
delay = function()
    -- wrk waits whole milliseconds: chance decides which way a fraction goes.
    local wait = least + (most - least) * math.random()
    local whole = math.floor(wait)
    if math.random() < wait - whole then whole = whole + 1 end
    return whole
end
done = function(summary, latency, requests)
    local errors = summary.errors
    print(string.format("summary %d %d %d %d %d %d %d %d %d", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
