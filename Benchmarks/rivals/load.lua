-- What wrk tells the bench at the end of a run: one line of numbers, times in microseconds.
done = function(summary, latency, requests)
    local errors = summary.errors
    print(string.format("summary %d %d %d %d %d %d %d %d %d", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99),
        errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
