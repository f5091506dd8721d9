# What amas-serve serves on, beside a socket of its own: words for descriptors,
# more addresses, dialling; and how it says so.

load helper

@test "amas-serve: a socket with a short name is announced with its whole path" {
	local from

	cd "$tmp"
	for from in ./x.sock ././/x.sock; do
		start amas-serve "$from" 'add=exec:expr "$1" + "$2"'
		equal "ipc://$tmp/x.sock" "$addr"
		run -0 t bash -c 'cd / && amas-call "$1" add 3 4' - "$addr"
		equal 7 "$output"
		stop
	done
	run -0 t amas-serve --run 'echo "$AMAS_ADDR"' ./x.sock f=exec:true
	equal "ipc://$tmp/x.sock" "$output"
}

@test "amas-serve: children that were there before it live on" {
	local was

	cat >"$tmp/begin" <<-'END'
	sleep 60 3>&- & echo $! >was
	exec amas-serve --run : ./x.sock f=exec:true
	END
	cd "$tmp"
	run -0 t sh ./begin
	was=$(cat was)
	kill "$was"
}
