import { createHmac } from 'node:crypto'
import type { Clock } from '@tomte/client'
import { JobError } from '../errors.ts'
import type { JobEvent, JobListener } from '../events.ts'
import { isLoopback } from './loopback.ts'
import { type Post, postOnce } from './post.ts'
import { loggable } from './secrets.ts'

/** Who is told of failures, and how. */
export interface WebhookOptions {
  /** https, or http on a loopback address. */
  readonly url: string
  /** Signs each message; `whsec_` and base64, or any text of 24 characters or more. Without it nothing is signed. */
  readonly secret?: string | undefined
  /** The daemon's name, for whoever hears of several. */
  readonly daemon: string
  readonly clock: Clock
  /** From 0 up to, not including, 1. */
  readonly random: () => number
  readonly newId: () => string
  /** Hears, in one line, of a message that was given up. */
  readonly onFault: (line: string) => void
  readonly post?: Post | undefined
}

/** Tells a webhook of failures, beside the work. */
export interface Webhook {
  readonly hear: JobListener
  /** Resolves when everything has been told or given up, or the signal is aborted. */
  settle(signal: AbortSignal): Promise<void>
}

/** What a webhook is told of. */
const TOLD = new Set<JobEvent['type']>(['run_dead', 'run_stuck', 'run_unconsented', 'schedule_conflict'])

const WAITING_MAX = 1_000
const TIMEOUT_MS = 10_000
// A receiver that restarts is back within some minutes; one that is gone for longer has its own alarms.
const PAUSES_MS = [2_000, 10_000, 60_000, 300_000]
const SECRET_LENGTH_MIN = 24

/**
 * Tells a webhook of failures: JSON by POST, signed by the rules of Standard Webhooks
 * (`webhook-id`, `webhook-timestamp`, `webhook-signature: v1,` and the HMAC-SHA256 of id, time and body). Each message is tried
 * five times, for at most 10 s each; no redirect is followed. At most 1,000 messages wait, the oldest is given up for a newer.
 *
 * @throws JobError `webhook_unusable` if the address is not https and not on this machine, or the secret is short.
 */
export function failureWebhook(options: WebhookOptions): Webhook {
  const url = usableUrl(options.url)
  const key = options.secret === undefined ? undefined : keyOf(options.secret)
  const waiting: Message[] = []
  let sending: Promise<void> | undefined
  const stopped = new AbortController()
  const send = async () => {
    for (let message = waiting[0]; message !== undefined; message = waiting[0]) {
      const fault = await delivered(message, { ...options, url, key, signal: stopped.signal })
      if (fault !== undefined) options.onFault(`Cannot tell the webhook of a failure: ${fault}`)
      if (waiting[0] === message) waiting.shift()
      if (stopped.signal.aborted) return
    }
  }
  return {
    hear(event) {
      if (!TOLD.has(event.type)) return
      if (waiting.length === WAITING_MAX) {
        waiting.shift()
        options.onFault('Cannot tell the webhook of a failure: 1,000 others wait')
      }
      waiting.push(messageOf(event, options))
      sending ??= send().finally(() => {
        sending = undefined
      })
    },
    async settle(signal) {
      if (sending === undefined) return
      const stop = () => stopped.abort(signal.reason)
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      await sending
      signal.removeEventListener('abort', stop)
    },
  }
}

interface Message {
  readonly id: string
  readonly body: string
}

function messageOf(event: JobEvent, { daemon, clock, newId }: WebhookOptions): Message {
  const { type, ...facts } = event
  const told = Object.entries(facts).map(([name, value]) => [name, cleaned(value)])
  const at = new Date(clock.now()).toISOString()
  const body = { type, timestamp: at, data: { daemon, ...Object.fromEntries(told) } }
  return { id: `msg_${newId()}`, body: JSON.stringify(body) }
}

/** Texts without what looks like a secret, at every depth. */
function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return loggable(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cleaned(each)]))
}

interface Delivery extends Omit<WebhookOptions, 'url'> {
  readonly url: URL
  readonly key: Buffer | undefined
  readonly signal: AbortSignal
}

/** Resolves with `undefined` when the message has been taken, or with why it was given up. */
async function delivered(message: Message, delivery: Delivery): Promise<string | undefined> {
  const { clock, random, post = postOnce, url, signal } = delivery
  for (let attempt = 0; ; attempt += 1) {
    const answer = await post(url, {
      body: message.body,
      headers: headersOf(message, delivery),
      timeoutMs: TIMEOUT_MS,
      signal,
    })
    if ('status' in answer && answer.status >= 200 && answer.status < 300) return undefined
    const fault = 'status' in answer ? `it answered with status ${answer.status}` : loggable(answer.fault)
    const pauseMs = PAUSES_MS[attempt]
    // What is refused for itself will be refused again.
    const hopeless = 'status' in answer && answer.status === 410
    if (pauseMs === undefined || hopeless || signal.aborted) return `${fault}, at attempt ${attempt + 1}`
    try {
      await clock.sleep(pauseMs * (0.5 + random()), signal)
    } catch {
      return `${fault}, and the daemon stops`
    }
  }
}

function headersOf({ id, body }: Message, { clock, key }: Delivery): Readonly<Record<string, string>> {
  const at = String(Math.floor(clock.now() / 1000))
  const signed = key && createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': at,
    ...(signed === undefined ? {} : { 'webhook-signature': `v1,${signed}` }),
  }
}

function keyOf(secret: string): Buffer {
  if (secret.length < SECRET_LENGTH_MIN)
    throw webhookUnusable('its secret must have 24 characters or more', `${secret.length}`)
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8')
}

function usableUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) throw webhookUnusable('its address must be a URL', 'something else')
  if (url.username !== '' || url.password !== '')
    throw webhookUnusable('its address must hold no password, which would be logged', 'one')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(host))) return url
  throw webhookUnusable('its address must be https, or http on this machine', url.protocol)
}

function webhookUnusable(need: string, found: string): JobError {
  return new JobError(`Cannot tell a webhook of failures, as ${need}: found ${found}`, {
    code: 'webhook_unusable',
    hint: 'Set TOMTE_WEBHOOK_URL and TOMTE_WEBHOOK_SECRET',
  })
}
