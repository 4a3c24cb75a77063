#!/bin/sh
# Makes the image of `bench image` as an OCI layout: make.sh FOLDER (kept; parts that are there are not made again).
# Three gzip layers: a Debian, what npm and pip install, and Java, Go and Rust programs. Needs root, debootstrap and
# the package registries; a language whose tool or registry is missing is left out and said so.
set -eu
work=$1
mkdir -p "$work"
cd "$work"

step() { # NAME COMMAND...: once
    name=$1
    shift
    [ -e "$name.done" ] && return 0
    echo "making: $name" >&2
    # Not `if "$@"`: that would switch `set -e` off inside.
    set +e
    ( set -e; "$@" ) >"$name.log" 2>&1
    code=$?
    set -e
    if [ $code = 0 ]; then : >"$name.done"; else echo "left out: $name, see $work/$name.log" >&2; fi
}

debian() {
    debootstrap --variant=minbase bookworm 1
    cp /etc/resolv.conf 1/etc/resolv.conf
    printf 'force-unsafe-io\n' >1/etc/dpkg/dpkg.cfg.d/bench
    printf '#!/bin/sh\nexit 101\n' >1/usr/sbin/policy-rc.d
    chmod 755 1/usr/sbin/policy-rc.d
    # Java's installation reads it.
    mount -t proc proc 1/proc
    trap 'umount "$work/1/proc"' EXIT
    chroot 1 apt-get update
    DEBIAN_FRONTEND=noninteractive chroot 1 apt-get install -y --no-install-recommends \
        build-essential git curl nodejs npm ruby-full python3-dev python3-pip postgresql nginx redis-server \
        openssh-server default-jre-headless vim-nox
    rm -rf 1/var/lib/apt/lists/* 1/var/cache/apt/*.bin 1/var/cache/apt/archives/*.deb 1/usr/sbin/policy-rc.d
}

npm_packages() {
    mkdir -p 2/srv/web
    printf '{"name":"web","version":"1.0.0","private":true}' >2/srv/web/package.json
    (cd 2/srv/web && npm install --ignore-scripts --no-audit --no-fund express@4 lodash@4 axios@1 react@18 react-dom@18 \
        webpack@5 webpack-cli@5 @babel/core@7 @babel/preset-env@7 eslint@8 jest@29 typescript@5 mongoose@8)
}

python_packages() {
    python3 -m pip install --no-compile --target 2/srv/api/site-packages --only-binary :all: \
        django flask fastapi uvicorn sqlalchemy celery requests boto3 numpy pandas pillow \
        cryptography jinja2 lxml pydantic httpx redis psycopg2-binary sphinx pytest black notebook
}

java_packages() {
    mkdir -p pom 3/opt/java
    cat >pom/pom.xml <<'POM'
<project><modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>bench</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-web</artifactId><version>2.7.18</version></dependency>
<dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-data-jpa</artifactId><version>2.7.18</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.14.1</version></dependency>
<dependency><groupId>org.apache.hadoop</groupId><artifactId>hadoop-client</artifactId><version>3.3.6</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>3.6.1</version></dependency>
</dependencies></project>
POM
    mvn -q -B -f pom/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DoutputDirectory="$work/3/opt/java"
    # Two archives deep, as application servers pack them.
    mkdir -p war/WEB-INF/lib ear
    cp 3/opt/java/log4j-core-*.jar 3/opt/java/spring-core-*.jar war/WEB-INF/lib/
    (cd war && python3 -m zipfile -c ../ear/shop.war WEB-INF)
    (cd ear && python3 -m zipfile -c ../3/opt/java/shop.ear shop.war)
}

go_programs() {
    mkdir -p 3/usr/local/bin
    export CGO_ENABLED=0 GOBIN="$work/3/usr/local/bin" GOFLAGS=-trimpath
    go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.9.1
    go install github.com/mikefarah/yq/v4@v4.44.6
}

rust_programs() {
    CARGO_TARGET_DIR="$work/cargo" cargo install --locked --root "$work/auditable" cargo-auditable
    PATH="$work/auditable/bin:$PATH" CARGO_TARGET_DIR="$work/cargo" \
        cargo auditable install --locked --root "$work/3/usr/local" ripgrep
    rm -f 3/usr/local/.crates.toml 3/usr/local/.crates2.json
}

put() { # FILE: into the blobs, prints its digest
    hash=$(sha256sum "$1" | cut -d ' ' -f 1)
    mv "$1" "layout/blobs/sha256/$hash"
    echo "sha256:$hash"
}

pack() {
    rm -rf layout
    mkdir -p layout/blobs/sha256
    diffs='' layers=''
    for layer in 1 2 3; do
        tar -C "$layer" --numeric-owner --sort=name --exclude=./dev/* --exclude=./proc/* -cf layer.tar .
        diffs="$diffs${diffs:+,}\"sha256:$(sha256sum layer.tar | cut -d ' ' -f 1)\""
        gzip -nf layer.tar
        size=$(stat -c %s layer.tar.gz)
        digest=$(put layer.tar.gz)
        layers="$layers${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"$digest\",\"size\":$size}"
    done
    printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' "$diffs" >config
    size=$(stat -c %s config)
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[%s]}' \
        "$(put config)" "$size" "$layers" >manifest
    size=$(stat -c %s manifest)
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s}]}' \
        "$(put manifest)" "$size" >layout/index.json
    printf '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout
}

mkdir -p 1 2 3
step debian debian
step npm npm_packages
step python python_packages
step java java_packages
step go go_programs
step rust rust_programs
step pack pack
[ -e pack.done ] || exit 1
# The layers' sources are as large as the image; the image is what is kept.
rm -rf 1 2 3 cargo auditable pom war ear
