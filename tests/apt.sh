# shellcheck shell=bash disable=SC2154,SC2034 # die is the caller's; mirror, suite and keys are for it
# An apt of one's own: any architecture and suite of the mirror that this machine's apt uses, with
# Debian's keys, and nothing of this machine's apt or dpkg state touched. Sourced, by what has die().

# debian_mirror: the mirror, suite and keyrings that this machine's apt uses for Debian itself
debian_mirror() {
    local file key line
    suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    line=$(apt-get indextargets --format \
        "\$(REPO_URI) \$(ORIGIN)/\$(LABEL)/\$(COMPONENT)/\$(CODENAME) \$(RELEASE)/\$(COMPONENT) \$(SOURCESENTRY)" 'Created-By: Packages' |
        awk -v c="$suite" '
            $2 == "Debian/Debian/main/" c { if (best < 2) { best = 2; l = $1 " " $NF } }
            $(NF - 1) == c "/main"        { if (best < 1) { best = 1; l = $1 " " $NF } } # before the first apt-get update
            END { print l }')
    if [ ! "$suite" ] || [ ! "$line" ]; then
        die "no Debian mirror for '$suite' in apt's sources: is this Debian?"
    fi
    mirror=${line%% *}
    file=${line#* }
    file=${file%:*}
    keys=
    for key in $(sed -n 's/^Signed-By:[[:space:]]*//Ip; s/^deb.*signed-by=\([^] ]*\).*/\1/p' "$file" | tr , ' ') \
        /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
        case ,$keys,:$key in
            *",$key,"*:* | *:[!/]*) continue ;; # a second time; a fingerprint or a key in the sources file itself
        esac
        [ ! -r "$key" ] || keys=${keys:+$keys,}$key
    done
}

# own_apt DIR ARCH SUITE: an apt in DIR that knows only SUITE's main for ARCH, see DIR/conf
own_apt() {
    local d=$1 options
    rm -rf "$d"
    mkdir -p "$d"/state/lists/partial "$d"/cache/archives/partial
    : >"$d/status"
    options=${keys:+signed-by=$keys}
    printf '%s\n' "deb [arch=$2 target=Packages $options] $mirror $3 main" >"$d/packages.list"
    printf '%s\n' "deb-src [target=Sources $options] $mirror $3 main" >"$d/sources.list"
    cat >"$d/conf" <<EOF
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "$2";
APT::Architectures { "$2"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::State "$d/state";
Dir::State::lists "$d/state/lists";
Dir::State::status "$d/status";
Dir::Cache "$d/cache";
Dir::Etc::SourceList "$d/packages.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
EOF
}
