-- Wireshark dissector for amas and aiomas: frames of a length and a message
-- [type, id, content] in JSON, MsgPack or, where it is not compressed, Blosc.
--
--	wireshark -X lua_script:amas.lua
--	tshark -X lua_script:amas.lua -d tcp.port==5555,amas -r FILE
--
-- What looks like a message is found on any port of TCP; fields, for filters,
-- are amas.type, amas.id, amas.path, amas.codec, amas.args, amas.text, amas.took.

local amas = Proto("amas", "amas/aiomas")

local types = { [0] = "request", [1] = "reply", [2] = "failure" }
local HEADER = 4
local MAX = 64 * 1024 * 1024
local TEXT_MAX = 4000		-- bytes of a value that are shown
local DEPTH_MAX = 64

local f = {
	length = ProtoField.uint32("amas.length", "Length"),
	codec = ProtoField.string("amas.codec", "Codec"),
	type = ProtoField.uint8("amas.type", "Type", base.DEC, types),
	id = ProtoField.string("amas.id", "Id"),
	path = ProtoField.string("amas.path", "Path"),
	args = ProtoField.string("amas.args", "Arguments"),
	text = ProtoField.string("amas.text", "Content"),
	reply_in = ProtoField.framenum("amas.reply_in", "Reply in", base.NONE,
		frametype.RESPONSE),
	reply_to = ProtoField.framenum("amas.reply_to", "Reply to", base.NONE,
		frametype.REQUEST),
	took = ProtoField.double("amas.took", "Time since the request"),
}
amas.fields = f

local malformed = ProtoExpert.new("amas.malformed", "no message of amas",
	expert.group.MALFORMED, expert.severity.ERROR)
local failure = ProtoExpert.new("amas.failed", "call failed",
	expert.group.RESPONSE_CODE, expert.severity.NOTE)
amas.experts = { malformed, failure }

local tcp_stream = Field.new("tcp.stream")

-- ---- Text ----

local function quote(s)
	s = s:gsub('[%c"\\]', function(c)
		if c == "\n" then
			return "\\n"
		elseif c == '"' or c == "\\" then
			return "\\" .. c
		end
		return string.format("\\u%04x", c:byte())
	end)
	return '"' .. s .. '"'
end

-- What a terminal would act on is escaped: JSON may hold it as it is.
local function cut(s)
	s = s:gsub("[%c\127]", function(c)
		return string.format("\\u%04x", c:byte())
	end):gsub("\194([\128-\159])", function(c)
		return string.format("\\u%04x", c:byte())
	end)
	if #s <= TEXT_MAX then
		return s
	end
	return s:sub(1, TEXT_MAX) .. "..."
end

-- ---- MsgPack ----

local unpack_value

-- n values from there on, joined; pairs: keys and values.
local function unpack_many(tvb, at, n, depth, open, close, pairs_too)
	local out, len = {}, 0

	for i = 1, n do
		local text

		text, at = unpack_value(tvb, at, depth + 1)
		if pairs_too then
			local value

			value, at = unpack_value(tvb, at, depth + 1)
			text = text .. ": " .. value
		end
		if len <= TEXT_MAX then
			out[#out + 1] = text
			len = len + #text
		end
	end
	return open .. table.concat(out, ", ") .. close, at
end

local function unpack_text(tvb, at, len)
	return quote(len > 0 and tvb(at, len):string(ENC_UTF_8) or ""), at + len
end

local function unpack_bytes(tvb, at, len)
	return "bytes(" .. (len > 0 and tostring(tvb(at, len):bytes()) or "") ..
		")", at + len
end

-- By first byte: bytes of the length that follows, and what it is of.
local sized = {
	[0xc4] = { 1, unpack_bytes }, [0xc5] = { 2, unpack_bytes },
	[0xc6] = { 4, unpack_bytes },
	[0xd9] = { 1, unpack_text }, [0xda] = { 2, unpack_text },
	[0xdb] = { 4, unpack_text },
}
local numbers = {
	[0xcc] = { 1, "uint" }, [0xcd] = { 2, "uint" }, [0xce] = { 4, "uint" },
	[0xcf] = { 8, "uint64" },
	[0xd0] = { 1, "int" }, [0xd1] = { 2, "int" }, [0xd2] = { 4, "int" },
	[0xd3] = { 8, "int64" },
	[0xca] = { 4, "float" }, [0xcb] = { 8, "float" },
}
local constants = { [0xc0] = "null", [0xc2] = "false", [0xc3] = "true" }

-- Gives the text of a value, and where the next one begins.
unpack_value = function(tvb, at, depth)
	local b = tvb(at, 1):uint()
	local n

	if depth > DEPTH_MAX then
		error("nested too deep")
	elseif b <= 0x7f then
		return tostring(b), at + 1
	elseif b >= 0xe0 then
		return tostring(b - 256), at + 1
	elseif constants[b] then
		return constants[b], at + 1
	elseif b <= 0x8f then
		return unpack_many(tvb, at + 1, b - 0x80, depth, "{", "}", true)
	elseif b <= 0x9f then
		return unpack_many(tvb, at + 1, b - 0x90, depth, "[", "]")
	elseif b <= 0xbf then
		return unpack_text(tvb, at + 1, b - 0xa0)
	elseif sized[b] then
		n = sized[b][1]
		return sized[b][2](tvb, at + 1 + n, tvb(at + 1, n):uint())
	elseif numbers[b] then
		n = numbers[b][1]
		local range = tvb(at + 1, n)

		return tostring(range[numbers[b][2]](range)), at + 1 + n
	elseif b == 0xdc or b == 0xdd then
		n = b == 0xdc and 2 or 4
		return unpack_many(tvb, at + 1 + n, tvb(at + 1, n):uint(), depth,
			"[", "]")
	elseif b == 0xde or b == 0xdf then
		n = b == 0xde and 2 or 4
		return unpack_many(tvb, at + 1 + n, tvb(at + 1, n):uint(), depth,
			"{", "}", true)
	end
	error("unknown type")
end

-- Where the elements of a list begin, and how many there are; or nil.
local function list_at(tvb, at)
	local b = tvb(at, 1):uint()

	if b >= 0x90 and b <= 0x9f then
		return at + 1, b - 0x90
	elseif b == 0xdc then
		return at + 3, tvb(at + 1, 2):uint()
	end
end

-- [type, id, content]; of a request, content is [path, args, kwargs] mostly.
local function read_msgpack(tvb)
	local m = {}
	local at, n = list_at(tvb, 0)
	local text

	if n ~= 3 then
		error("no list of three")
	end
	text, at = unpack_value(tvb, at, 0)
	m.type = tonumber(text)
	m.id, at = unpack_value(tvb, at, 0)
	local inner, three = list_at(tvb, at)

	m.text = unpack_value(tvb, at, 0)
	if m.type == 0 and three == 3 then
		local path, rest = unpack_value(tvb, inner, 0)

		if path:sub(1, 1) == '"' then
			m.path = path:sub(2, -2)
			m.args = unpack_value(tvb, rest, 0)
			_, rest = unpack_value(tvb, rest, 0)
			m.kwargs = unpack_value(tvb, rest, 0)
		end
	end
	return m
end

-- ---- JSON ----

local function read_json(tvb)
	local s = tvb(0):string(ENC_UTF_8)
	local type, id, content = s:match("^%s*%[%s*([012])%s*,%s*(%-?%d+)%s*,%s*(.*)%]%s*$")
	local m = {}

	if type == nil then
		error("no list of three")
	end
	m.type, m.id, m.text = tonumber(type), id, content
	if m.type == 0 then
		m.path, m.args = content:match('^%[%s*"([^"\\]*)"%s*,%s*(.*)%]%s*$')
	end
	return m
end

-- ---- Messages ----

-- A Blosc buffer that only copies holds MsgPack behind its header.
local function plain_of(tvb)
	local flags = tvb(2, 1):uint()

	if bit.band(flags, 2) == 0 then
		return nil
	end
	return tvb(16):tvb()
end

local function codec_of(tvb)
	local b = tvb(0, 1):uint()

	if b == 0x5b or b == 0x20 then
		return "json"
	elseif b == 0x93 then
		return "msgpack"
	elseif b == 2 and tvb:len() > 16 and tvb(12, 4):le_uint() == tvb:len() then
		return "msgpack-blosc"
	end
end

local function read(tvb)
	local codec = codec_of(tvb)

	if codec == "json" then
		return codec, read_json(tvb)
	elseif codec == "msgpack" then
		return codec, read_msgpack(tvb)
	elseif codec == "msgpack-blosc" then
		local plain = plain_of(tvb)

		return codec, plain and read_msgpack(plain) or { compressed = true }
	end
	error("unknown codec")
end

-- Requests by stream, who sent them and id: their packet and time, and the
-- packet of their reply.
local calls = {}

function amas.init()
	calls = {}
end

local function call_key(pinfo, m)
	local stream = tcp_stream()
	local port = m.type == 0 and pinfo.src_port or pinfo.dst_port

	return string.format("%s %s %s", stream and tostring(stream.value) or "",
		port, m.id)
end

-- The request that this is, or answers.  In the first pass they come in order.
local function call_of(pinfo, m)
	local key = call_key(pinfo, m)
	local list = calls[key] or {}
	local c

	calls[key] = list
	for i = 1, #list do
		c = list[i]
		if m.type == 0 and c.request == pinfo.number or
		    m.type ~= 0 and c.reply == pinfo.number then
			return c
		end
	end
	if m.type == 0 then
		c = { request = pinfo.number, time = pinfo.rel_ts, path = m.path }
		list[#list + 1] = c
		return c
	end
	for i = 1, #list do
		c = list[i]
		if c.reply == nil and c.request <= pinfo.number then
			c.reply = pinfo.number
			c.took = pinfo.rel_ts - c.time
			return c
		end
	end
end

local function show_call(tree, m, c)
	if m.type == 0 and c.reply then
		tree:add(f.reply_in, c.reply):set_generated()
	elseif m.type ~= 0 then
		tree:add(f.reply_to, c.request):set_generated()
		tree:add(f.took, c.took):set_generated()
		if c.path then
			tree:add(f.path, cut(c.path)):set_generated()
		end
	end
end

local function describe(m, c)
	if m.compressed then
		return "compressed"
	elseif m.type == 0 and m.path then
		local args = m.args or ""

		if m.kwargs and m.kwargs ~= "{}" then
			args = args .. ", " .. m.kwargs
		end
		return string.format("[%s] %s %s", m.id, m.path, args)
	end
	return string.format("[%s] %s%s%s", m.id, c and c.path or "",
		m.type == 2 and " ! " or m.type == 1 and " = " or "", m.text)
end

local function dissect_message(tvb, pinfo, tree)
	local t = tree:add(amas, tvb())
	local body = tvb(HEADER):tvb()
	local ok, codec, m = pcall(read, body)

	pinfo.cols.protocol = "AMAS"
	t:add(f.length, tvb(0, HEADER))
	if not ok or not m.compressed and types[m.type] == nil then
		t:add_proto_expert_info(malformed)
		return tvb:len()
	end
	t:add(f.codec, codec):set_generated()
	local c

	if not m.compressed then
		t:add(f.type, body(0), m.type)
		t:add(f.id, m.id)
		c = call_of(pinfo, m)
		if m.path then
			t:add(f.path, cut(m.path))
			t:add(f.args, cut(m.args or ""))
		end
		t:add(f.text, body(0), cut(m.text))
		if c then
			show_call(t, m, c)
		end
		if m.type == 2 then
			t:add_proto_expert_info(failure)
		end
	end
	local text = cut(describe(m, c))

	t:append_text(", " .. (types[m.type] or codec) .. " " .. text)
	pinfo.cols.info:append("  " .. text)
	return tvb:len()
end

local function message_len(tvb, pinfo, at)
	local n = tvb(at, HEADER):uint()

	return n <= MAX and n + HEADER or tvb:len()
end

function amas.dissector(tvb, pinfo, tree)
	pinfo.cols.info:clear()
	dissect_tcp_pdus(tvb, tree, HEADER, message_len, dissect_message)
	return tvb:len()
end

-- A length, and the begin of a triple.
local function looks_like(tvb, pinfo, tree)
	if tvb:len() < 8 then
		return false
	end
	local n = tvb(0, HEADER):uint()
	local a, b, c = tvb(4, 1):uint(), tvb(5, 1):uint(), tvb(6, 1):uint()

	if n < 4 or n > MAX or not
	    (a == 0x5b and b >= 0x30 and b <= 0x32 and c == 0x2c or
	    a == 0x93 and b <= 2 or
	    a == 2 and tvb:len() >= 20 and tvb(16, 4):le_uint() == n) then
		return false
	end
	pinfo.conversation = amas
	if tvb:len() < n + HEADER then -- its other segments come
		pinfo.desegment_offset = 0
		pinfo.desegment_len = n + HEADER - tvb:len()
		return true
	end
	amas.dissector(tvb, pinfo, tree)
	return true
end

DissectorTable.get("tcp.port"):add_for_decode_as(amas)
amas:register_heuristic("tcp", looks_like)
