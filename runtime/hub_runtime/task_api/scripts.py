"""Every change of a job's state, each one atomic script inside Redis.

A job is one hash. ``queued`` and ``running`` are its only passing states; whoever reaches another first
decides how it ended, since no script leaves a final state again. ``owner`` is the worker process that holds a
running job; it must renew its lease, or the job is queued again for another.
"""

_NOW = """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
"""

# KEYS: job, jobs, queued, stats. ARGV: id, request, most queued.
ACCEPT = (
    _NOW
    + """
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[3]) then return 0 end
local time = now()
redis.call('HSET', KEYS[1], 'state', 'queued', 'request', ARGV[2], 'created', time,
           'attempts', 0, 'count', 0, 'k', 0)
redis.call('ZADD', KEYS[2], time, ARGV[1])
redis.call('ZADD', KEYS[3], time, ARGV[1])
redis.call('HINCRBY', KEYS[4], 'accepted', 1)
return 1
"""
)

# KEYS: job, jobs, queued, stats. ARGV: id.
WITHDRAW = """
if redis.call('HGET', KEYS[1], 'state') ~= 'queued' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'accepted', -1)
return 1
"""

# KEYS: job, queued, running. ARGV: id, owner, lease in ms.
CLAIM = (
    _NOW
    + """
local state = redis.call('HGET', KEYS[1], 'state')
local time = now()
local lease = redis.call('ZSCORE', KEYS[3], ARGV[1])
if state ~= 'queued' and not (state == 'running' and (not lease or tonumber(lease) < time)) then
  return false
end
redis.call('HSET', KEYS[1], 'state', 'running', 'owner', ARGV[2], 'started', time, 'count', 0, 'k', 0)
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', KEYS[3], time + ARGV[3], ARGV[1])
return redis.call('HGET', KEYS[1], 'request')
"""
)

# KEYS: job, running. ARGV: id, owner, lease in ms, count, k.
RENEW = (
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'state') ~= 'running' or redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'count', ARGV[4], 'k', ARGV[5])
redis.call('ZADD', KEYS[2], now() + ARGV[3], ARGV[1])
return 1
"""
)

# KEYS: job, running, stats. ARGV: id, owner, state, body, seconds to keep.
FINISH = (
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'state') ~= 'running' or redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'body', ARGV[4], 'finished', now())
redis.call('HDEL', KEYS[1], 'request')
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
return 1
"""
)

# KEYS: job, queued, running, stats. ARGV: id, seconds to keep.
TERMINATE = (
    _NOW
    + """
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 0 end
if state ~= 'queued' and state ~= 'running' then return 1 end
redis.call('HSET', KEYS[1], 'state', 'terminated', 'finished', now())
redis.call('HDEL', KEYS[1], 'request')
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'terminated', 1)
return 1
"""
)

# KEYS: jobs, queued, running, stats, the broker's list. ARGV: prefix of a job's key, most attempts,
# body of a job given up, seconds to keep, ms a queued job may be without a message.
# Returns the ids whose message has to be sent again.
RECOVER = (
    _NOW
    + """
local time = now()
local again = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', time, 'LIMIT', 0, 100)) do
  local job = ARGV[1] .. id
  redis.call('ZREM', KEYS[3], id)
  if tonumber(redis.call('HGET', job, 'attempts') or 0) >= tonumber(ARGV[2]) then
    redis.call('HSET', job, 'state', 'exception', 'body', ARGV[3], 'finished', time)
    redis.call('HDEL', job, 'request')
    redis.call('EXPIRE', job, ARGV[4])
    redis.call('HINCRBY', KEYS[4], 'exception', 1)
  else
    redis.call('HSET', job, 'state', 'queued')
    redis.call('HDEL', job, 'owner')
    redis.call('ZADD', KEYS[2], time, id)
    redis.call('HINCRBY', KEYS[4], 'recovered', 1)
    again[#again + 1] = id
  end
end
if redis.call('LLEN', KEYS[5]) == 0 then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', time - ARGV[5], 'LIMIT', 0, 100)) do
    redis.call('ZADD', KEYS[2], time, id)
    again[#again + 1] = id
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, 49)) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then redis.call('ZREM', KEYS[1], id) end
end
return again
"""
)
