# shellcheck shell=sh
# What has to be installed, for scripts/check and scripts/quickstart, which
# source this file:   . scripts/packages.sh; packages_install build demo

# Set, how to see that it is there (cmd:COMMAND, hdr:HEADER), and the name of
# the package for each package manager; - where nothing has to be installed.
packages_table() {
	cat <<-'EOF'
	# set   there if         apt              dnf                 apk              pacman        brew
	build   cmd:cc           build-essential  gcc                 build-base       base-devel    -
	build   cmd:make         make             make                make             make          -
	build   cmd:pkg-config   pkg-config       pkgconf-pkg-config  pkgconf          pkgconf       pkg-config
	build   hdr:ev.h         libev-dev        libev-devel         libev-dev        libev         libev
	build   hdr:jansson.h    libjansson-dev   jansson-devel       jansson-dev      jansson       jansson
	build   hdr:msgpack.h    libmsgpack-dev   msgpack-devel       msgpack-c-dev    msgpack-c     msgpack
	build   hdr:blosc.h      libblosc-dev     blosc-devel         c-blosc-dev      blosc         c-blosc
	build   hdr:openssl/ssl.h libssl-dev      openssl-devel       openssl-dev      openssl       openssl@3
	build   hdr:pcap/pcap.h  libpcap-dev      libpcap-devel       libpcap-dev      libpcap       libpcap
	tests   cmd:openssl      openssl          openssl             openssl          openssl       openssl@3
	tests   cmd:gcc          gcc              gcc                 gcc              gcc           -
	tests   cmd:bash         bash             bash                bash             bash          bash
	tests   cmd:timeout      coreutils        coreutils           coreutils        coreutils     coreutils
	tests   cmd:pkill        procps           procps-ng           procps           procps-ng     -
	tests   cmd:setsid       util-linux       util-linux          util-linux       util-linux    util-linux
	tests   cmd:bats         bats             bats                bats             bats          bats-core
	tests   cmd:clang        clang            clang               clang            clang         -
	tests   cmd:mandoc       mandoc           mandoc              mandoc           mandoc        mandoc
	tests   cmd:shellcheck   shellcheck       ShellCheck          shellcheck       shellcheck    shellcheck
	tests   cmd:valgrind     valgrind         valgrind            valgrind         valgrind      -
	demo    cmd:jq           jq               jq                  jq               jq            jq
	tests   cmd:bc           bc               bc                  bc               bc            bc
	tests   cmd:gawk         gawk             gawk                gawk             gawk          gawk
	tests   cmd:tcpdump      tcpdump          tcpdump             tcpdump          tcpdump       tcpdump
	tests   cmd:tshark       tshark           wireshark-cli       tshark           wireshark-cli wireshark
	tests   cmd:xxd          xxd              vim-common          xxd              vim           -
	tests   cmd:readelf      binutils         binutils            binutils         binutils      binutils
	tests   cmd:git          git              git                 git              git           git
	tests   cmd:ip           iproute2         iproute             iproute2         iproute2      -
	tests   cmd:strace       strace           strace              strace           strace        -
	tests   py:venv          python3-venv     python3             python3          python        python
	analyze cmd:gcc          gcc              gcc                 gcc              gcc           -
	analyze cmd:clang-tidy   clang-tidy       clang-tools-extra   clang-extra-tools clang        -
	analyze cmd:cppcheck     cppcheck         cppcheck            cppcheck         cppcheck      cppcheck
	EOF
}

# packages_there PROBE
packages_there() {
	case $1 in
	cmd:*)
		command -v "${1#*:}" >/dev/null 2>&1
		;;
	hdr:*)
		echo "#include <${1#*:}>" |
			cc -E -I/usr/include/libev -x c - >/dev/null 2>&1
		;;
	py:*)
		"$(packages_python)" -c 'import ensurepip, venv' >/dev/null 2>&1
		;;
	esac
}

# The system's Python: what a user has put before it may lack parts.
packages_python() {
	if [ -x /usr/bin/python3 ]; then
		echo /usr/bin/python3
	else
		command -v python3 || echo python3
	fi
}

packages_manager() {
	for m in apt-get dnf apk pacman brew; do
		if command -v $m >/dev/null 2>&1; then
			echo $m
			return
		fi
	done
	return 1
}

# packages_missing COLUMN SET...: the packages that are missing, one a line.
packages_missing() {
	column=$1
	shift
	packages_table | while read -r set probe apt dnf apk pacman brew; do
		case " $* " in
		*" $set "*) ;;
		*) continue ;;
		esac
		case $column in
		apt-get) package=$apt ;;
		dnf) package=$dnf ;;
		apk) package=$apk ;;
		pacman) package=$pacman ;;
		brew) package=$brew ;;
		*) package=${probe#*:} ;;
		esac
		if [ "$package" != - ] && ! packages_there "$probe"; then
			echo "$package"
		fi
	done | sort -u
}

# packages_run COMMAND...: says what it runs, and runs it, as root if it must.
# Without a terminal nobody can be asked for a password.
packages_run() {
	if [ "$(id -u)" -ne 0 ] && [ "$1" != brew ]; then
		if ! command -v sudo >/dev/null 2>&1; then
			echo "not root, and no sudo: run as root: $*" >&2
			return 1
		fi
		if [ -t 0 ]; then
			set -- sudo "$@"
		else
			set -- sudo -n "$@"
		fi
	fi
	echo "\$ $*" >&2
	"$@" >&2
}

# packages_install SET...: installs what is missing of these sets.  Of the
# package managers only apt is tested.
packages_install() {
	manager=$(packages_manager) || manager=none
	missing=$(packages_missing "$manager" "$@" | tr '\n' ' ')
	if [ -z "$missing" ]; then
		return 0
	fi
	echo "missing: $missing" >&2
	# shellcheck disable=SC2086 # a list of names
	case $manager in
	apt-get)
		packages_run env DEBIAN_FRONTEND=noninteractive \
			apt-get -q update </dev/null || return 1
		# Debian 13 has another name for it.
		if ! apt-cache show libmsgpack-dev >/dev/null 2>&1; then
			missing=$(echo "$missing" |
				sed 's/libmsgpack-dev/libmsgpack-c-dev/')
		fi
		packages_run env DEBIAN_FRONTEND=noninteractive apt-get -q \
			install -y --no-install-recommends $missing </dev/null
		;;
	dnf)
		packages_run dnf install -y $missing </dev/null
		;;
	apk)
		packages_run apk add $missing </dev/null
		;;
	pacman)
		packages_run pacman -S --needed --noconfirm $missing </dev/null
		;;
	brew)
		packages_run brew install $missing </dev/null
		;;
	*)
		echo "no package manager that is known here; install these" >&2
		return 1
		;;
	esac
}
