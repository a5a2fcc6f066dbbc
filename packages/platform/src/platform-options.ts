import type { ServerCertificate } from './exposure.ts'
import type { Now } from './clock.ts'
import type { KeyFiles } from './key-files.ts'
import type { ManagedIdentityHost, ManagedIdentityOptions } from './managed-identity/server.ts'
import type { FirstTenant, Operator } from './operator.ts'
import type { TenantSeed } from './registration/tenant-creation.ts'
import type { ExportedState } from './state/export.ts'

/** Where the platform keeps its data and listens. */
export interface PlatformOptions {
  /** Where everything is kept; made if it is not there. One process at a time. */
  readonly dataFolder: string
  /**
   * The address of a PostgreSQL 14 or later, `postgres://user:password@host/name`, that holds the data in place of SQLite; the
   * data folder then holds the keys alone, and every replica needs a copy of its `keys`. Default: SQLite in the data folder.
   */
  readonly database?: string | undefined
  /** TCP port on the loopback addresses; 0 takes a free one. */
  readonly port: number
  /**
   * The address to listen on. Default: `localhost`, which only this machine reaches. Any other is refused without `tls`, `names` and
   * `administratorPassword`, and with `drills`.
   */
  readonly host?: string | undefined
  /** The names by which others reach it: the first makes the origin, and a Host header must have one of them. */
  readonly names?: readonly string[] | undefined
  /**
   * The origin under which clients know it, `https://login.example` or with a port, where something else leads to it, such as a load
   * balancer: issuers, discovery documents and links have it, so that all replicas behind one name speak as one. It may not be
   * with `drills`, unless it is a name of this machine. Default: the first of `names`, or `localhost`, with the port.
   */
  readonly publicOrigin?: string | undefined
  /** The certificate to show in place of the one that the platform makes for this machine. */
  readonly tls?: ServerCertificate | undefined
  /** The password of the portal's administrator, 12 characters or more. Default: one that is made, and kept in `keys`. */
  readonly administratorPassword?: string | undefined
  /** The tenant that a new data folder starts with. Default: contoso.example. */
  readonly tenant?: FirstTenant | undefined
  /** More tenants, each made if no tenant has its domain yet. */
  readonly tenants?: readonly TenantSeed[] | undefined
  /** What is to be there, made at the start as far as it is missing. Default: nothing but the first tenant. */
  readonly seed?: Seed | undefined
  /** Where the issuers of federated credentials may be. Default: on the public internet alone. */
  readonly federation?: FederationOptions | undefined
  /** Endpoints for managed identities, on a port of their own. Default: none. */
  readonly managedIdentity?: ManagedIdentityOptions | undefined
  /**
   * Answers as the real login hosts, too, for clients that cannot be pointed elsewhere: their names must lead to this machine,
   * as by a hosts file, and the port be 443. Trusting them takes a certificate authority of its own. Default: false.
   */
  readonly asRealHosts?: boolean | undefined
  /**
   * Throttles the directory as Graph does, by resource units for each application and tenant (wire.md §13.6): `true`, or the part
   * of Graph's limits that is granted, above 0 and at most 10, such as 0.1. Default: no limits.
   */
  readonly throttling?: boolean | number | undefined
  /**
   * Refuses a client that asks for the same token again and again from one address with 50196: after 15 in five minutes with `true`,
   * as Entra says of its own, or after another number, 1 to 1,000,000. Of replicas each counts for itself. Default: never, as clients
   * that start together ask together.
   */
  readonly loopDetection?: boolean | number | undefined
  /**
   * Lets each token live 60 to 90 minutes, at random, as Entra's do where no policy says otherwise. Default: all live an hour, so that
   * tests can be repeated.
   */
  readonly randomLifetimes?: boolean | undefined
  /** Faults and clock on demand, by `/drills` of this platform, for whoever reaches the port. Default: false. */
  readonly drills?: boolean | undefined
  /** How long the audit of administrative changes is kept, in days from 1 to 3650. Default: 30. */
  readonly auditRetentionDays?: number | undefined
  /** How long a request may take to arrive, in milliseconds; then it is answered with 408. Default: 60,000. */
  readonly requestTimeMs?: number | undefined
  readonly now?: Now | undefined
}

/** A state to begin with. */
export interface Seed {
  /** The contents of a state file: JSON as `exportState` gives it, with secrets if they are to be set. */
  readonly state: unknown
  /** Where `secretEnv` and `passwordEnv` of the file are looked up. Default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

/** How the platform asks other identity providers for their keys (wire.md §5). */
export interface FederationOptions {
  /** Lets issuers be on this machine and in private networks, as those of clusters and tests are. Default false. */
  readonly allowPrivateNetwork?: boolean | undefined
  /** A certificate authority to trust for issuers, as PEM, besides those that Node trusts. */
  readonly ca?: string | undefined
}

/** A running platform. */
export interface Platform {
  /** `https://localhost:<port>`, or the public origin: authority host, portal and, below `/graph/v1.0`, the directory. */
  readonly origin: string
  /** `https://localhost:<port>`: where this process answers, under whatever name it is known. */
  readonly localOrigin: string
  readonly graphUrl: string
  /** The certificate authority to trust, as PEM and as a file. */
  readonly ca: string
  readonly caFile: string
  readonly operator: Operator
  /** Names as which the platform answers besides, and the certificate authority to trust for them, if it was started so. */
  readonly realHosts: RealHosts | undefined
  /** The only files that hold a secret. */
  readonly keyFiles: KeyFiles
  /** The endpoints of managed identities, if the platform was started with them. */
  readonly managedIdentity: ManagedIdentityHost | undefined
  /** `https://localhost:<port>/drills`, if the platform was started with them. */
  readonly drillsUrl: string | undefined
  /**
   * Signs tokens with a new key from now on, besides the change every 90 days; the old key stays in the keys documents until
   * its last token has ended. Resolves with the new key's `kid`.
   */
  rotateSigningKey(): Promise<string>
  /** The state as a file that can be a seed: no secret, no hash of a client secret and no signing key is in it. */
  exportState(): Promise<ExportedState>
  /** Answers what has begun, then ends. */
  close(): Promise<void>
}

/** The door for clients that cannot be pointed elsewhere. */
export interface RealHosts {
  readonly names: readonly string[]
  /** PEM, limited to these names. */
  readonly ca: string
  readonly caFile: string
}
