import type { Server } from 'node:https'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { ServerCertificate } from '../exposure.ts'
import { type LocalAuthority, REAL_HOSTS } from './local-authority.ts'

/** Who vouches for the platform's names: this machine's, and the real login hosts' if it answers as them. */
export interface Authorities {
  readonly own: LocalAuthority
  readonly real: LocalAuthority | undefined
  /** A certificate that the platform was given for its own names. */
  readonly shown?: ServerCertificate | undefined
}

/** The certificates of the platform's server, one for each authority, chosen by the name that a client asks for. */
export class ServerCertificates {
  readonly #authorities: Authorities
  #own: SecureContextOptions
  #real: SecureContext | undefined

  private constructor(authorities: Authorities, own: SecureContextOptions, real: SecureContext | undefined) {
    this.#authorities = authorities
    this.#own = own
    this.#real = real
  }

  static async make(authorities: Authorities): Promise<ServerCertificates> {
    const { real } = authorities
    return new ServerCertificates(authorities, await ownOptions(authorities), await contextOf(real))
  }

  /** What a server is created with. */
  get options() {
    return {
      ...this.#own,
      // Without a context for the name, the server's own is taken.
      SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) =>
        done(null, REAL_HOSTS.includes(name.toLowerCase()) ? this.#real : undefined),
    }
  }

  /** Makes all certificates anew, for these servers too. */
  async renew(servers: readonly Server[]): Promise<void> {
    const { real } = this.#authorities
    this.#own = await ownOptions(this.#authorities)
    this.#real = await contextOf(real)
    for (const server of servers) server.setSecureContext(this.#own)
  }
}

/** The certificate of the platform's own names: one that it was given, or one for this machine. */
const ownOptions = async ({ own, shown }: Authorities): Promise<SecureContextOptions> =>
  shown ? { cert: shown.certificate, key: shown.privateKey, minVersion: 'TLSv1.2' } : optionsOf(own)

async function optionsOf(authority: LocalAuthority): Promise<SecureContextOptions> {
  const { certificate, privateKey } = await authority.serverCertificate()
  return { cert: `${certificate}\n${authority.certificate}`, key: privateKey, minVersion: 'TLSv1.2' }
}

const contextOf = async (authority: LocalAuthority | undefined): Promise<SecureContext | undefined> =>
  authority && createSecureContext(await optionsOf(authority))
