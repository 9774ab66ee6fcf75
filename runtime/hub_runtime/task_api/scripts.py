"""Every change of a job's state, each one atomic script inside Redis.

A job is one hash. ``queued`` and ``running`` are its only passing states; whoever reaches another first
decides how it ended, since no script leaves a final state again. ``owner`` is the worker process that holds a
running job; it must renew its lease, or the job is queued again for another. ``shares`` holds, by job, how many
bytes it counts and for whom, ``waiting`` their sums by client and in all.

Scripts run when Redis is full, too: whatever ends something must go on. What needs room looks first.
"""

_ALLOWED = "#!lua flags=allow-oom"

_NOW = """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
"""
_GIVE_BACK = """
local function give_back(shares, waiting, id)
  local share = redis.call('HGET', shares, id)
  if not share then return end
  redis.call('HDEL', shares, id)
  local bytes, client = string.match(share, '^(%d+) (.+)$')
  for _, whose in ipairs({'all', client}) do
    if redis.call('HINCRBY', waiting, whose, -bytes) <= 0 then redis.call('HDEL', waiting, whose) end
  end
end
"""
_ROOM = """
local function room(bytes, percent)
  local memory = redis.call('INFO', 'memory')
  local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
  return most == 0 or string.match(memory, 'used_memory:(%d+)') + bytes <= most * percent / 100
end
"""

# KEYS: job, jobs, queued, stats, shares, waiting. ARGV: id, request, most queued, client, bytes that it counts,
# most of those in all, most of those for a client, percent of memory that may be in use then.
# Returns 1, 0 where too much is waiting, -1 where too much of this client is.
ACCEPT = (
    _ALLOWED
    + _NOW
    + _ROOM
    + """
local bytes = tonumber(ARGV[5])
local function waiting(whose) return (redis.call('HGET', KEYS[6], whose) or 0) + bytes end
if waiting(ARGV[4]) > tonumber(ARGV[7]) then return -1 end
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[3]) or waiting('all') > tonumber(ARGV[6])
   or not room(bytes, ARGV[8]) then return 0 end
local time = now()
redis.call('HSET', KEYS[1], 'state', 'queued', 'request', ARGV[2], 'created', time,
           'attempts', 0, 'count', 0, 'k', 0)
redis.call('ZADD', KEYS[2], time, ARGV[1])
redis.call('ZADD', KEYS[3], time, ARGV[1])
redis.call('HINCRBY', KEYS[4], 'accepted', 1)
redis.call('HSET', KEYS[5], ARGV[1], ARGV[5] .. ' ' .. ARGV[4])
redis.call('HINCRBY', KEYS[6], ARGV[4], bytes)
redis.call('HINCRBY', KEYS[6], 'all', bytes)
return 1
"""
)

# KEYS: job, jobs, queued, stats, shares, waiting. ARGV: id.
WITHDRAW = (
    _ALLOWED
    + _GIVE_BACK
    + """
if redis.call('HGET', KEYS[1], 'state') ~= 'queued' then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'accepted', -1)
give_back(KEYS[5], KEYS[6], ARGV[1])
return 1
"""
)

# KEYS: job, queued, running. ARGV: id, owner, lease in ms.
CLAIM = (
    _ALLOWED
    + _NOW
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

# KEYS: job, running. ARGV: id, owner, lease in ms, and count, k where they are news.
RENEW = (
    _ALLOWED
    + _NOW
    + """
if redis.call('HGET', KEYS[1], 'state') ~= 'running' or redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then
  return 0
end
if ARGV[4] then redis.call('HSET', KEYS[1], 'count', ARGV[4], 'k', ARGV[5]) end
redis.call('ZADD', KEYS[2], now() + ARGV[3], ARGV[1])
return 1
"""
)

# KEYS: job, running, stats, shares, waiting. ARGV: id, owner, state, body, seconds to keep, percent of memory that
# may be in use then. Returns 1, 0 where it is not the owner's any more, -1 where there is no room for the body.
FINISH = (
    _ALLOWED
    + _NOW
    + _GIVE_BACK
    + _ROOM
    + """
if redis.call('HGET', KEYS[1], 'state') ~= 'running' or redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then
  return 0
end
if #ARGV[4] > 4096 and not room(#ARGV[4], ARGV[6]) then return -1 end
redis.call('HSET', KEYS[1], 'state', ARGV[3], 'body', ARGV[4], 'finished', now())
redis.call('HDEL', KEYS[1], 'request')
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
give_back(KEYS[4], KEYS[5], ARGV[1])
return 1
"""
)

# KEYS: job, queued, running, stats, shares, waiting. ARGV: id, seconds to keep.
TERMINATE = (
    _ALLOWED
    + _NOW
    + _GIVE_BACK
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
give_back(KEYS[5], KEYS[6], ARGV[1])
return 1
"""
)

# KEYS: jobs, queued, running, stats, shares, waiting, the broker's list. ARGV: prefix of a job's key, most attempts,
# body of a job given up, seconds to keep, ms a queued job may be without a message.
# Returns the ids whose message has to be sent again.
RECOVER = (
    _ALLOWED
    + _NOW
    + _GIVE_BACK
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
    give_back(KEYS[5], KEYS[6], id)
  else
    redis.call('HSET', job, 'state', 'queued')
    redis.call('HDEL', job, 'owner')
    redis.call('ZADD', KEYS[2], time, id)
    redis.call('HINCRBY', KEYS[4], 'recovered', 1)
    again[#again + 1] = id
  end
end
if redis.call('LLEN', KEYS[7]) == 0 then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', time - ARGV[5], 'LIMIT', 0, 100)) do
    redis.call('ZADD', KEYS[2], time, id)
    again[#again + 1] = id
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, 49)) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then redis.call('ZREM', KEYS[1], id) end
end
-- A worker of a release from before shares were counted ends its task without giving back.
for _, id in ipairs(redis.call('HRANDFIELD', KEYS[5], 20)) do
  local state = redis.call('HGET', ARGV[1] .. id, 'state')
  if state ~= 'queued' and state ~= 'running' then give_back(KEYS[5], KEYS[6], id) end
end
return again
"""
)

# KEYS: a worker's own. ARGV: what it says of itself, seconds that this is true.
BEAT = (
    _ALLOWED
    + """
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
"""
)
