import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isatty } from 'node:tty'

/** Runs a program to its end, passing signals on to it, and resolves with its exit code. */
export function run(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, options)
    // In a terminal Ctrl-C reaches the child by itself; passed on, it would count there as a second one.
    const passOn = (signal) => (signal === 'SIGINT' && isatty(0) ? undefined : child.kill(signal))
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const each of signals) process.on(each, passOn)
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      for (const each of signals) process.off(each, passOn)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}
