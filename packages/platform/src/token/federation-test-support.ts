// A platform that trusts an identity provider on this machine, and assertions of that provider, right and wrong.
import {
  type Answer,
  type App,
  ASSERTION_TYPE,
  GRAPH_SCOPE,
  type Json,
  makeKey,
  signJwt,
  World,
} from '../test-support.ts'
import type { CertifiedKey } from '../tls/certificates.ts'
import { systemNow } from '../clock.ts'
import { CONFIGURATION, type Issuer, jwkOf, KEYS, startIssuer } from './issuer-test-support.ts'

export const AUDIENCE = 'api://AzureADTokenExchange'
export const SUBJECT = 'repo:acme/shop:environment:prod'
export const HOUR_MS = 60 * 60 * 1000

/** A platform, an issuer whose key `k1` is `key`, and an application that trusts one subject of it. */
export class Federation {
  readonly issuer: Issuer
  readonly world: World
  readonly key: CertifiedKey
  /** A second key, which the issuer does not publish yet. */
  readonly next: CertifiedKey
  readonly app: App
  readonly startMs: number

  private constructor(issuer: Issuer, world: World, keys: readonly [CertifiedKey, CertifiedKey], app: App) {
    this.issuer = issuer
    this.world = world
    this.key = keys[0]
    this.next = keys[1]
    this.app = app
    this.startMs = world.clock.ms
  }

  static async start(): Promise<Federation> {
    const nowMs = systemNow()
    const issuer = await startIssuer(nowMs)
    const world = await World.start(undefined, {
      federation: { allowPrivateNetwork: true, ca: issuer.ca },
    })
    const keys = [await makeKey(nowMs), await makeKey(nowMs)] as const
    const app = await world.register(keys[0], { keyCredentials: [] })
    const federation = new Federation(issuer, world, keys, app)
    await federation.trust('ci-main')
    federation.behave()
    return federation
  }

  async remove(): Promise<void> {
    await this.world.remove()
    this.issuer.close()
  }

  /** Makes an application trust a subject of the issuer. */
  trust(name: string, changes: Json = {}, { objectId }: App = this.app): Promise<Json> {
    return this.world.done(201, 'POST', `/applications/${objectId}/federatedIdentityCredentials`, {
      name,
      issuer: this.issuer.url,
      subject: SUBJECT,
      audiences: [AUDIENCE],
      ...changes,
    })
  }

  publish(keys: readonly unknown[]): void {
    this.issuer.put(KEYS, { keys })
  }

  /** Puts the issuer's documents back in order. */
  behave(): void {
    this.issuer.put(CONFIGURATION, { issuer: this.issuer.url, jwks_uri: `${this.issuer.url}${KEYS}` })
    this.publish([jwkOf(this.key, 'k1')])
  }

  get seconds(): number {
    return Math.floor(this.world.clock.ms / 1000)
  }

  /** An assertion of the issuer; `claims` and `header` replace what is usual, and `undefined` leaves it out. */
  assertion(claims: Json = {}, header: Json = {}, by: CertifiedKey = this.key): string {
    const usual = { iss: this.issuer.url, sub: SUBJECT, aud: AUDIENCE }
    const times = { iat: this.seconds, nbf: this.seconds, exp: this.seconds + 3600 }
    return signJwt({ alg: 'RS256', typ: 'JWT', kid: 'k1', ...header }, { ...usual, ...times, ...claims }, by)
  }

  send(
    assertion: string,
    { appId }: Pick<App, 'appId'> = this.app,
    world: World = this.world,
  ): Promise<Answer> {
    return world.postForm({
      grant_type: 'client_credentials',
      client_id: appId,
      scope: GRAPH_SCOPE,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    })
  }
}
