#!/bin/busybox sh
# PID 1 of a guest: its root becomes the host's, read-only, under an overlay that the guest may write to;
# /share is a directory of the host, read-write. Runs /share/run, leaves its exit code in
# /share/exit-code, and powers off. `modules=` on the kernel's command line says where its modules lie.
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
while read -r module; do insmod "/modules/$module"; done </modules/order
for word in $(cat /proc/cmdline); do
  case $word in modules=*) modules=${word#*=} ;; esac
done

how=trans=virtio,version=9p2000.L,msize=1048576
mkdir /host /memory /new
mount -t 9p -o "$how,ro,cache=loose" host /host
mount -t tmpfs -o size=50% none /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work none /new

cd /new || exit
for directory in dev proc sys; do mount --move "/$directory" "$directory"; done
mount -t tmpfs none run
mkdir -p run/lock run/scratch share dev/pts dev/shm lib/modules
mount -t devpts none dev/pts
mount -t tmpfs none dev/shm
mount -t tmpfs -o size=70% none run/scratch
mount -t bpf none sys/fs/bpf
ln -s /proc/self/fd dev/fd
mount -t 9p -o "$how,cache=none,access=any" share share
ln -sfn "$modules" "lib/modules/$(uname -r)"

cp /bin/busybox run/busybox
cat >run/guest <<'END'
#!/run/busybox sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb TMPDIR=/run/scratch
/run/busybox ip link set lo up
bash /share/run
echo $? >/share/exit-code
sync
/run/busybox poweroff -f
END
chmod +x run/guest
# It must be PID 1 itself that changes its root: the kernel looks for modprobe in PID 1's.
exec switch_root /new /run/guest
