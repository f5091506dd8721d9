# Containers on networks for bats, after "load helper".
# shellcheck shell=bash

# net_agent: the program of an agent that notes calls in files of $tmp.
net_agent() {
	echo "exec $(python) -u '$AMAS_ROOT/tests/tools/net_agent.py' '$tmp'"
}

# program FILE TEXT: an executable in sh.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# calls URL FUNCTION [ARG...]: of an agent.
calls() {
	t amas-call "$@"
}

# reaches N FILE: waits until FILE has N lines.
reaches() {
	until_holds '[ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]' "$@"
}

# until_holds CONDITION [ARG...]
until_holds() {
	local condition=$1 end=$((SECONDS + PATIENCE))

	shift
	until eval "$condition"; do
		if ((SECONDS > end)); then
			echo "never: $condition ($*)" >&2
			return 1
		fi
	done
}

# all_numbers N FILE: it has the numbers below N as lines, each once.
all_numbers() {
	equal "$(seq 0 $(($1 - 1)))" "$(sort -n "$2")"
}

# connections URL: that the container has had, both ways, before this question.
connections() {
	echo $(($(t amas-call "$1" amas/stats | jq .connections) - 1))
}

# storm_is_whole FILE LOG: each call of the storm ended once, as a result or as
# a failure; those with a result were noted, those that failed once at most.
storm_is_whole() {
	equal "$(seq -s ' ' 0 199)" "$(jq -r 'map(.[0]) | sort | map(tostring) | join(" ")' "$1")"
	equal '' "$(sort "$2" | uniq -d)"
	jq -r '.[] | select(.[1] == 1) | .[0]' "$1" | sort >"$1.good"
	jq -r '.[] | select(.[1] == 2) | .[0]' "$1" | sort >"$1.bad"
	equal '' "$(sort "$2" | comm -13 - "$1.good")"	# result, not noted
	[ "$(wc -l <"$1.bad")" -ge 1 ]
	[ "$(wc -l <"$1.bad")" -le 20 ]
}

# space: a network of its own, that ends with the test; sets $space, the process
# that holds it.
space() {
	local fifo=$tmp/space.$RANDOM

	mkfifo "$fifo" "$fifo.up"
	unshare -n sh -c 'echo >"$1.up"; exec cat "$1"' sh "$fifo" 3>&- &
	space=$!
	caller "$space"
	read -r -t "$PATIENCE" _ <>"$fifo.up"
}

# inside SPACE COMMAND...
inside() {
	nsenter -t "$1" -n "${@:2}"
}
