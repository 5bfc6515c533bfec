/**
 * The init shim for x86-64: bytes at the left, the instruction they are at the right. `program.ts` lays it out, and says
 * what it does; a test assembles the right side again and compares.
 */
export const x64: string = `
  _start:
    48 8b 1c 24                      mov rbx, [rsp]               # argc
    4c 8d 64 24 10                   lea r12, [rsp + 16]          # the command: argv from the second on
    4c 8d 6c dc 10                   lea r13, [rsp + 8*rbx + 16]  # the environment
    48 81 ec 00 20 00 00             sub rsp, 8192                # scratch: an interface request, a line of the routing table, a path
    31 ed                            xor ebp, ebp                 # was the last part of PATH taken?
    48 83 fb 02                      cmp rbx, 2
    0f 82 52 01 00 00                jb fail                      # no command
    80 3d f1 01 00 00 00             cmp byte ptr [rip + mode], 0
    0f 84 b4 00 00 00                je run
    b8 29 00 00 00                   mov eax, 41                  # socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    bf 02 00 00 00                   mov edi, 2
    be 02 00 08 00                   mov esi, 0x80002
    31 d2                            xor edx, edx
    0f 05                            syscall
    41 89 c6                         mov r14d, eax
  poll:
    48 8b 05 95 01 00 00             mov rax, [rip + name]
    48 89 04 24                      mov [rsp], rax
    48 c7 44 24 08 00 00 00 00       mov qword ptr [rsp + 8], 0
    b8 10 00 00 00                   mov eax, 16                  # ioctl(socket, SIOCGIFFLAGS, request)
    44 89 f7                         mov edi, r14d
    be 13 89 00 00                   mov esi, 0x8913
    48 89 e2                         mov rdx, rsp
    0f 05                            syscall
    85 c0                            test eax, eax
    78 5f                            js pause                     # no such interface yet
    f6 44 24 10 01                   test byte ptr [rsp + 16], 1  # IFF_UP
    74 58                            je pause
    80 3d 9d 01 00 00 01             cmp byte ptr [rip + mode], 1
    74 64                            je run
    b8 02 00 00 00                   mov eax, 2                   # open(route, O_RDONLY | O_CLOEXEC)
    48 8d 3d 5e 01 00 00             lea rdi, [rip + route]
    be 00 00 08 00                   mov esi, 0x80000
    0f 05                            syscall
    85 c0                            test eax, eax
    78 4d                            js run                       # no /proc: more cannot be seen
    41 89 c7                         mov r15d, eax
  line:
    31 c0                            xor eax, eax                 # read: every line of the table is 128 bytes
    44 89 ff                         mov edi, r15d
    48 89 e6                         mov rsi, rsp
    ba 80 00 00 00                   mov edx, 128
    0f 05                            syscall
    3d 80 00 00 00                   cmp eax, 128
    75 15                            jne done
    48 89 e6                         mov rsi, rsp
    48 8d 3d 40 01 00 00             lea rdi, [rip + wanted]
    b9 0e 00 00 00                   mov ecx, 14
    f3 a6                            repe cmpsb
    75 d7                            jne line
    eb 1f                            jmp run
  done:
    b8 03 00 00 00                   mov eax, 3                   # close
    44 89 ff                         mov edi, r15d
    0f 05                            syscall
  pause:
    b8 23 00 00 00                   mov eax, 35                  # nanosleep
    48 8d 3d f7 00 00 00             lea rdi, [rip + tick]
    31 f6                            xor esi, esi
    0f 05                            syscall
    e9 62 ff ff ff                   jmp poll
  run:
    49 8b 34 24                      mov rsi, [r12]
  scan:
    ac                               lodsb
    3c 2f                            cmp al, '/'
    74 77                            je direct
    84 c0                            test al, al
    75 f7                            jne scan
    4c 89 eb                         mov rbx, r13
  variable:
    48 8b 33                         mov rsi, [rbx]
    48 83 c3 08                      add rbx, 8
    48 85 f6                         test rsi, rsi
    74 75                            je fail                      # no PATH
    81 3e 50 41 54 48                cmp dword ptr [rsi], 0x48544150# PATH
    75 ec                            jne variable
    80 7e 04 3d                      cmp byte ptr [rsi + 4], '='
    75 e6                            jne variable
    48 8d 5e 05                      lea rbx, [rsi + 5]
  folder:
    48 89 e7                         mov rdi, rsp
    4c 8d 84 24 a4 1f 00 00          lea r8, [rsp + 8100]
  letter:
    8a 03                            mov al, [rbx]
    84 c0                            test al, al
    74 0f                            je last
    48 ff c3                         inc rbx
    3c 3a                            cmp al, ':'
    74 0a                            je slash
    aa                               stosb
    4c 39 c7                         cmp rdi, r8
    72 ed                            jb letter
    eb 43                            jmp fail
  last:
    ff c5                            inc ebp
  slash:
    48 39 e7                         cmp rdi, rsp
    75 03                            jne join
    b0 2e                            mov al, '.'                  # an empty part is the working directory
    aa                               stosb
  join:
    b0 2f                            mov al, '/'
    aa                               stosb
    49 8b 34 24                      mov rsi, [r12]
  append:
    ac                               lodsb
    aa                               stosb
    4c 39 c7                         cmp rdi, r8
    77 2b                            ja fail
    84 c0                            test al, al
    75 f5                            jne append
    b8 3b 00 00 00                   mov eax, 59                  # execve(path, command, environment); comes back only if it failed
    48 89 e7                         mov rdi, rsp
    4c 89 e6                         mov rsi, r12
    4c 89 ea                         mov rdx, r13
    0f 05                            syscall
    85 ed                            test ebp, ebp
    74 b0                            je folder
    eb 11                            jmp fail
  direct:
    b8 3b 00 00 00                   mov eax, 59                  # execve
    49 8b 3c 24                      mov rdi, [r12]
    4c 89 e6                         mov rsi, r12
    4c 89 ea                         mov rdx, r13
    0f 05                            syscall
  fail:
    b8 01 00 00 00                   mov eax, 1                   # write(2, text, 18)
    bf 02 00 00 00                   mov edi, 2
    48 8d 35 82 00 00 00             lea rsi, [rip + text]
    ba 12 00 00 00                   mov edx, 18
    0f 05                            syscall
    49 8b 34 24                      mov rsi, [r12]
    48 85 f6                         test rsi, rsi
    74 18                            je end
    31 d2                            xor edx, edx
  measure:
    80 3c 16 00                      cmp byte ptr [rsi + rdx], 0
    74 04                            je name_it
    ff c2                            inc edx
    eb f6                            jmp measure
  name_it:
    b8 01 00 00 00                   mov eax, 1
    bf 02 00 00 00                   mov edi, 2
    0f 05                            syscall
  end:
    b8 01 00 00 00                   mov eax, 1
    bf 02 00 00 00                   mov edi, 2
    48 8d 35 5b 00 00 00             lea rsi, [rip + newline]
    ba 01 00 00 00                   mov edx, 1
    0f 05                            syscall
    b8 3c 00 00 00                   mov eax, 60                  # exit(127), as shells do
    bf 7f 00 00 00                   mov edi, 127
    0f 05                            syscall
`;
