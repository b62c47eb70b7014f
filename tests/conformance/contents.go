package main

import "runtime"

// hostPlatform is that of the machine: the suite mirrors images for no other.
const hostPlatform = "linux/" + runtime.GOARCH

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`

const group = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
mail:x:8:
wheel:x:10:root
www-data:x:33:
users:x:100:
nobody:x:65534:
`

// alpineFiles make the root file system one that the tests take for Alpine's. Its
// package manager has nothing to install.
var alpineFiles = []file{
	{name: "etc/alpine-release", mode: 0o644, data: []byte("3.18.0\n")},
	{name: "sbin/", mode: 0o755},
	{name: "sbin/apk", mode: 0o755, data: []byte("#!/bin/sh\nexit 0\n")},
	{name: "bin/ssh-keyscan", mode: 0o755, data: []byte("#!/bin/sh\nexit 0\n")},
	{name: "bin/mkfs.ext4", mode: 0o755, data: []byte("#!/bin/sh\nexec mke2fs -F \"$@\"\n")},
}

// adduser is called as "adduser -D [-u ID] [-G GROUP] NAME". Without a group the user
// gets one of its own.
const adduser = `#!/bin/sh
id= group=
while getopts Du:G: option; do
  case $option in
    u) id=$OPTARG ;;
    G) group=$OPTARG ;;
  esac
done
shift $((OPTIND - 1))
if [ -z "$id" ]; then
  id=1000
  while grep -q ":x:$id:" /etc/passwd; do
    id=$((id + 1))
  done
fi
if [ -z "$group" ]; then
  gid=$id
  echo "$1:x:$gid:" >>/etc/group
else
  gid=$(sed -n "s/^$group:x:\([0-9]*\):.*/\1/p" /etc/group)
fi
echo "$1:x:$id:$gid::/home/$1:/bin/sh" >>/etc/passwd
mkdir "/home/$1"
chown "$id:$gid" "/home/$1"
`

// addgroup is called as "addgroup -g ID NAME".
const addgroup = "#!/bin/sh\necho \"$3:x:$2:\" >>/etc/group\n"

// hellofs takes the place of a FUSE file system with one file.
const hellofs = "#!/bin/sh\nmkdir -p \"$1\"\necho hello, world >\"$1/hello\"\n"
