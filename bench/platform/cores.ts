// Which cores a process may use and how much of them it has used, from the operating system: Linux alone tells it so exactly.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** A list of cores as taskset(1) has it. */
export type Cores = '0' | '1' | '0,1'

/** Binds a running process to these cores, every thread of it. @throws Error where there is no taskset(1). */
export function bindTo(cores: Cores, pid: number): void {
  execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' })
}

/** The microseconds that a process has been on a core, all of its threads together. */
export function usedUs(pid: number): number {
  const folder = `/proc/${pid}/task`
  return readdirSync(folder).reduce((sum, thread) => {
    const [ns = '0'] = readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ', 1)
    return sum + Number(ns) / 1000
  }, 0)
}

/** The ticks that the machine's cores have been idle, and those that have passed. */
export function idleTicks(): { readonly idle: number; readonly all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1)
  // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted among the users.
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number)
  const [, , , idle = 0, waiting = 0] = ticks
  return { idle: idle + waiting, all: ticks.reduce((sum, each) => sum + each, 0) }
}
