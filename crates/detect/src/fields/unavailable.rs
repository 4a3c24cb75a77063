//! Names that rule files may use and that nothing feeds here: told apart from misspelt ones.

/// Fields of Falco's libraries and plugins that have no source here: their checks never hold, and the rule is reported.
const FIELDS: &str = "
    container.cni.json container.healthcheck container.host_ipc container.host_network container.host_pid
    container.ip container.is_pod_sandbox container.label container.labels container.liveness_probe
    container.mount.mode container.mount.propagation container.mount.rdwr container.readiness_probe evt.abspath
    evt.around evt.asynctype evt.buffer evt.buflen evt.buflen.file evt.buflen.file.in evt.buflen.file.out
    evt.buflen.in evt.buflen.net evt.buflen.net.in evt.buflen.net.out evt.buflen.out evt.count.error.memory
    evt.count.error.other evt.count.procinfo evt.count.threadinfo evt.cpu evt.deltatime evt.deltatime.ns
    evt.deltatime.s evt.infra.docker.container.id evt.infra.docker.container.image evt.infra.docker.container.name
    evt.infra.docker.name evt.io_dir evt.is_async evt.is_io_read evt.is_io_write evt.is_syslog evt.latency
    evt.latency.human evt.latency.ns evt.latency.quantized evt.latency.s evt.outputtime evt.plugininfo
    evt.pluginname evt.reltime evt.reltime.ns evt.reltime.s evt.type.is evt.wait_latency fd.cproto fd.dev
    fd.dev.major fd.dev.minor fd.is_lower_layer fd.lproto fd.proto fd.rproto fd.sproto fd.types fd.uid fdlist.cips
    fdlist.cports fdlist.names fdlist.nums fdlist.sips fdlist.sports k8s.deployment.id k8s.deployment.label
    k8s.deployment.labels k8s.deployment.name k8s.ns.id k8s.ns.label k8s.ns.labels k8s.pod.cni.json k8s.pod.full_id
    k8s.pod.full_sandbox_id k8s.pod.ip k8s.pod.sandbox_id k8s.rc.id k8s.rc.label k8s.rc.labels k8s.rc.name k8s.rs.id
    k8s.rs.label k8s.rs.labels k8s.rs.name k8s.svc.id k8s.svc.label k8s.svc.labels k8s.svc.name proc.aenv
    proc.fdlimit proc.fdopencount proc.fdusage proc.is_exe_writable proc.loginshellid proc.nchilds proc.nthreads
    proc.pgid.exe proc.pgid.exepath proc.pgid.name proc.pidns_init_start_ts proc.ppid.ts proc.pvpid proc.vmrss
    proc.vmsize proc.vmswap thread.cap_inheritable thread.cgroup thread.cgroups thread.cpu thread.cpu.system
    thread.cpu.user thread.exectime thread.ismain thread.nametid thread.pfmajor thread.pfminor thread.totexectime
    thread.vmrss thread.vmrss.b thread.vmsize thread.vmsize.b thread.vtid user.homedir user.shell util.cnt
";

/// Event types that exist and that the sensor does not report: system calls of Linux (x86-64) and Falco's own events.
const CALLS: &str = "
    _sysctl accept accept4 access acct add_key adjtimex afs_syscall alarm arch_prctl asyncevent bind bpf brk
    capget capset chdir chmod chown chroot clock_adjtime clock_getres clock_gettime clock_nanosleep
    clock_settime clone clone3 close close_range connect container_json copy_file_range cpu_hotplug creat
    create_module delete_module drop dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
    epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group
    faccessat faccessat2 fadvise64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat fchown fchownat
    fcntl fdatasync fgetxattr finit_module flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount fsopen
    fspick fstat fstat64 fstatfs fsync ftruncate futex futex_waitv futimesat generic get_kernel_syms
    get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid
    getgroups getitimer getpeername getpgid getpgrp getpid getpmsg getppid getpriority getrandom getresgid
    getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr groupadded
    groupdeleted infra init_module inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup
    ioctl ioperm iopl ioprio_get ioprio_set kcmp kexec_file_load kexec_load keyctl kill landlock_add_rule
    landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr
    llseek lookup_dcookie lremovexattr lseek lsetxattr lstat lstat64 madvise mbind membarrier memfd_create
    memfd_secret migrate_pages mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt
    mount mount_setattr move_mount move_pages mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
    mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at
    nanosleep newfstatat nfsservctl notification open open_by_handle_at open_tree openat openat2 page_fault
    pause perf_event_open personality pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc
    pkey_free pkey_mprotect pluginevent_other poll ppoll prctl pread pread64 preadv preadv2 prlimit prlimit64
    process_madvise process_mrelease process_vm_readv process_vm_writev procinfo pselect6 ptrace putpmsg pwrite
    pwrite64 pwritev pwritev2 query_module quotactl quotactl_fd read readahead readlink readlinkat readv reboot
    recv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 request_key
    restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo scapevent sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield seccomp security select semctl semctl_old semget
    semop semtimedop send sendfile sendmmsg sendmsg sendto set_mempolicy set_mempolicy_home_node set_robust_list
    set_thread_area set_tid_address setdomainname setfsgid setfsuid setgid setgroups sethostname setitimer setns
    setpgid setpriority setregid setresgid setresuid setresuid32 setreuid setrlimit setsid setsockopt
    settimeofday setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signaldeliver signalfd signalfd4
    socket socketpair splice stat stat64 statfs statx swapoff swapon switch symlink symlinkat sync
    sync_file_range syncfs sysfs sysinfo syslog tee tgkill time timer_create timer_delete timer_getoverrun
    timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate tuxcall
    umask umount umount2 uname unlink unlinkat unshare uselib useradded userdeleted userfaultfd ustat utime
    utimensat utimes vfork vhangup vmsplice vserver wait4 waitid write writev
";

/// Whether a field exists in Falco and is not fed here.
pub fn is_field(name: &str) -> bool {
    FIELDS.split_whitespace().any(|field| field == name)
}

/// Whether an event type exists and is not fed here.
pub fn is_event_type(name: &str) -> bool {
    CALLS.split_whitespace().any(|call| call == name)
}

/// The fields, in the order of their names.
pub fn fields() -> impl Iterator<Item = &'static str> {
    FIELDS.split_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventSource;

    #[test]
    fn nothing_is_both_there_and_not() {
        for field in fields() {
            let found = super::super::all(&EventSource::Syscall).find(|spec| spec.name == field);
            assert!(found.is_none(), "{field}");
        }
        assert!(is_event_type("read") && !is_event_type("execve_"));
    }
}
