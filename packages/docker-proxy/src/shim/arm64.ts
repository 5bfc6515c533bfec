/**
 * The init shim for AArch64: bytes at the left, the instruction they are at the right. `program.ts` lays it out, and says
 * what it does; a test assembles the right side again and compares.
 */
export const arm64: string = `
  _start:
    f3 03 40 f9  ldr x19, [sp]                # argc
    f4 43 00 91  add x20, sp, #16             # the command: argv from the second on
    95 0e 13 8b  add x21, x20, x19, lsl #3    # the environment
    ff 0b 40 d1  sub sp, sp, #8192            # scratch: an interface request, a line of the routing table, a path
    16 00 80 52  mov w22, #0                  # was the last part of PATH taken?
    7f 0a 00 f1  cmp x19, #2
    03 0e 00 54  b.lo fail                    # no command
    29 13 00 30  adr x9, mode
    37 01 40 39  ldrb w23, [x9]
    d7 06 00 34  cbz w23, run
    c8 18 80 d2  mov x8, #198                 # socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    40 00 80 d2  mov x0, #2
    41 00 80 52  mov w1, #2
    01 01 a0 72  movk w1, #8, lsl #16
    02 00 80 d2  mov x2, #0
    01 00 00 d4  svc #0
    f8 03 00 2a  mov w24, w0
  poll:
    29 10 00 10  adr x9, name
    29 01 40 f9  ldr x9, [x9]
    e9 03 00 f9  str x9, [sp]
    ff 07 00 f9  str xzr, [sp, #8]
    a8 03 80 d2  mov x8, #29                  # ioctl(socket, SIOCGIFFLAGS, request)
    e0 03 18 2a  mov w0, w24
    61 22 91 52  mov w1, #0x8913
    e2 03 00 91  mov x2, sp
    01 00 00 d4  svc #0
    00 04 f8 37  tbnz w0, #31, pause          # no such interface yet
    e9 43 40 39  ldrb w9, [sp, #16]
    c9 03 00 36  tbz w9, #0, pause            # IFF_UP
    ff 06 00 71  cmp w23, #1
    20 04 00 54  b.eq run
    08 07 80 d2  mov x8, #56                  # openat(AT_FDCWD, route, O_RDONLY | O_CLOEXEC)
    60 0c 80 92  mov x0, #-100
    61 0e 00 10  adr x1, route
    02 01 a0 52  mov w2, #0x80000
    01 00 00 d4  svc #0
    60 03 f8 37  tbnz w0, #31, run            # no /proc: more cannot be seen
    f9 03 00 2a  mov w25, w0
  line:
    e8 07 80 d2  mov x8, #63                  # read: every line of the table is 128 bytes
    e0 03 19 2a  mov w0, w25
    e1 03 00 91  mov x1, sp
    02 10 80 d2  mov x2, #128
    01 00 00 d4  svc #0
    1f 00 02 f1  cmp x0, #128
    61 01 00 54  b.ne done
    09 00 80 d2  mov x9, #0
    4a 0d 00 10  adr x10, wanted
  compare:
    eb 6b 69 38  ldrb w11, [sp, x9]
    4c 69 69 38  ldrb w12, [x10, x9]
    7f 01 0c 6b  cmp w11, w12
    81 fe ff 54  b.ne line
    29 05 00 91  add x9, x9, #1
    3f 39 00 f1  cmp x9, #14
    43 ff ff 54  b.lo compare
    09 00 00 14  b run
  done:
    28 07 80 d2  mov x8, #57                  # close
    e0 03 19 2a  mov w0, w25
    01 00 00 d4  svc #0
  pause:
    a8 0c 80 d2  mov x8, #101                 # nanosleep
    60 0a 00 10  adr x0, tick
    01 00 80 d2  mov x1, #0
    01 00 00 d4  svc #0
    d3 ff ff 17  b poll
  run:
    89 02 40 f9  ldr x9, [x20]
  scan:
    2a 15 40 38  ldrb w10, [x9], #1
    5f bd 00 71  cmp w10, #'/'
    e0 05 00 54  b.eq direct
    aa ff ff 35  cbnz w10, scan
    f3 03 15 aa  mov x19, x21
  variable:
    69 86 40 f8  ldr x9, [x19], #8
    09 06 00 b4  cbz x9, fail                 # no PATH
    2a 01 40 b9  ldr w10, [x9]
    0b 2a 88 52  mov w11, #0x4150             # PATH
    8b 0a a9 72  movk w11, #0x4854, lsl #16
    5f 01 0b 6b  cmp w10, w11
    41 ff ff 54  b.ne variable
    2a 11 40 39  ldrb w10, [x9, #4]
    5f f5 00 71  cmp w10, #'='
    e1 fe ff 54  b.ne variable
    33 15 00 91  add x19, x9, #5
  folder:
    e9 03 00 91  mov x9, sp
    8c f4 83 d2  mov x12, #8100
    8c 01 09 8b  add x12, x12, x9
  letter:
    6a 02 40 39  ldrb w10, [x19]
    0a 01 00 34  cbz w10, last
    73 06 00 91  add x19, x19, #1
    5f e9 00 71  cmp w10, #':'
    c0 00 00 54  b.eq slash
    2a 15 00 38  strb w10, [x9], #1
    3f 01 0c eb  cmp x9, x12
    23 ff ff 54  b.lo letter
    1b 00 00 14  b fail
  last:
    36 00 80 52  mov w22, #1
  slash:
    eb 03 00 91  mov x11, sp
    3f 01 0b eb  cmp x9, x11
    61 00 00 54  b.ne join
    ca 05 80 52  mov w10, #'.'                # an empty part is the working directory
    2a 15 00 38  strb w10, [x9], #1
  join:
    ea 05 80 52  mov w10, #'/'
    2a 15 00 38  strb w10, [x9], #1
    8b 02 40 f9  ldr x11, [x20]
  append:
    6a 15 40 38  ldrb w10, [x11], #1
    2a 15 00 38  strb w10, [x9], #1
    3f 01 0c eb  cmp x9, x12
    c8 01 00 54  b.hi fail
    8a ff ff 35  cbnz w10, append
    a8 1b 80 d2  mov x8, #221                 # execve(path, command, environment); comes back only if it failed
    e0 03 00 91  mov x0, sp
    e1 03 14 aa  mov x1, x20
    e2 03 15 aa  mov x2, x21
    01 00 00 d4  svc #0
    36 fc ff 34  cbz w22, folder
    06 00 00 14  b fail
  direct:
    a8 1b 80 d2  mov x8, #221                 # execve
    80 02 40 f9  ldr x0, [x20]
    e1 03 14 aa  mov x1, x20
    e2 03 15 aa  mov x2, x21
    01 00 00 d4  svc #0
  fail:
    08 08 80 d2  mov x8, #64                  # write(2, text, 18)
    40 00 80 d2  mov x0, #2
    61 04 00 50  adr x1, text
    42 02 80 d2  mov x2, #18
    01 00 00 d4  svc #0
    81 02 40 f9  ldr x1, [x20]
    21 01 00 b4  cbz x1, end
    02 00 80 d2  mov x2, #0
  measure:
    29 68 62 38  ldrb w9, [x1, x2]
    69 00 00 34  cbz w9, name_it
    42 04 00 91  add x2, x2, #1
    fd ff ff 17  b measure
  name_it:
    08 08 80 d2  mov x8, #64
    40 00 80 d2  mov x0, #2
    01 00 00 d4  svc #0
  end:
    08 08 80 d2  mov x8, #64
    40 00 80 d2  mov x0, #2
    21 03 00 10  adr x1, newline
    22 00 80 d2  mov x2, #1
    01 00 00 d4  svc #0
    a8 0b 80 d2  mov x8, #93                  # exit(127), as shells do
    e0 0f 80 d2  mov x0, #127
    01 00 00 d4  svc #0
`;
