import { randomUUID } from 'node:crypto'
import { link, readdir, readFile, readlink, rename, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { realFile } from './storage.ts'

/**
 * Lets one process at a time rotate a credential. The stores of `@tomte/client/store` on Redis and PostgreSQL are such leases;
 * that of files is not, since its leases end after a minute.
 */
export interface RotationLease {
  /** Gives a name to one holder for `lifetimeMs` at most; false if another has it. */
  lease(name: string, holder: string, lifetimeMs: number, signal: AbortSignal): Promise<boolean>
  /** Ends a lease before its time, if this holder still has it. */
  release(name: string, holder: string, signal: AbortSignal): Promise<void>
}

interface Held {
  readonly holder: string
  readonly endsAtMs: number
  readonly machine: string
  readonly pid: number
}

/**
 * A lease as a file beside the credential, `FILE.lease`, with its owner and its end. The lease of a process that is dead, on this machine, is
 * over at once; any other at its end.
 */
export function fileLease(file: string, clock: Pick<Clock, 'now'>): RotationLease {
  // Of a link the file itself, so that all who name it ask for one lease.
  const pathOf = async () => `${await realFile(file)}.lease`
  return {
    async lease(_name, holder, lifetimeMs) {
      const path = await pathOf()
      const held: Held = {
        holder,
        endsAtMs: clock.now() + lifetimeMs,
        machine: await machineName(),
        pid: process.pid,
      }
      const written = `${path}.${holder}`
      await writeFile(written, JSON.stringify(held), { mode: 0o600, flag: 'wx' })
      try {
        // A link is made whole and only where there is no file, so nobody ever reads half a lease.
        const isHeld =
          (await done(link(written, path))) ||
          ((await takenAway(path, clock.now())) && (await done(link(written, path))))
        if (isHeld) await removeLeftovers(path)
        return isHeld
      } finally {
        await done(unlink(written))
      }
    },
    async release(_name, holder) {
      const path = await pathOf()
      if ((await heldIn(path))?.holder === holder) await done(unlink(path))
    },
  }
}

/** Whoever renames a lease that is over has it, so that of several takers one succeeds. */
async function takenAway(path: string, nowMs: number): Promise<boolean> {
  if (!(await isOver(await heldIn(path), nowMs))) return false
  const aside = `${path}.${randomUUID()}`
  if (!(await done(rename(path, aside)))) return false
  // Another taker may have been faster, and a new lease has been moved: it goes back.
  const isFree = await isOver(await heldIn(aside), nowMs)
  if (!isFree) await done(link(aside, path))
  await done(unlink(aside))
  return isFree
}

async function isOver(held: Held | undefined, nowMs: number): Promise<boolean> {
  if (held === undefined || nowMs >= held.endsAtMs) return true
  return held.machine === (await machineName()) && !isAlive(held.pid)
}

async function heldIn(path: string): Promise<Held | undefined> {
  try {
    const held: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isLease(held) ? held : undefined
  } catch {
    return undefined
  }
}

function isLease(value: unknown): value is Held {
  if (typeof value !== 'object' || value === null) return false
  const { holder, endsAtMs, machine, pid } = value as Partial<Record<keyof Held, unknown>>
  return (
    typeof holder === 'string' &&
    typeof endsAtMs === 'number' &&
    typeof machine === 'string' &&
    Number.isInteger(pid) &&
    Number(pid) > 0
  )
}

/** A process id means something within its host and, on Linux, its namespace: containers have their own. */
async function machineName(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${hostname()} ${namespace}`
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // A process of somebody else cannot be signalled, but it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Files of takers that died; one that is just about to take finds its file gone and goes without. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  for (const name of await readdir(folder))
    if (name.startsWith(prefix)) await done(unlink(join(folder, name)))
}

const EXPECTED = new Set(['ENOENT', 'EEXIST'])

/** Whether it was done; false if another process was faster. */
async function done(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && EXPECTED.has(String(error.code))) return false
    throw error
  }
}
