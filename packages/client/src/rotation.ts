export { rotate, type RotateOptions, type RotatedCertificate } from './rotation/rotate.ts'
export { rotateSecret, type RotateSecretOptions, type RotatedSecret } from './rotation/rotate-secret.ts'
export type { CredentialPlace, Rotated, RotationOptions } from './rotation/options.ts'
export type { RotationEffect, RotationStep } from './rotation/run.ts'
export type { RotationLease } from './rotation/lease.ts'
export { credentialFiles, type CredentialStorage, type Slot } from './rotation/storage.ts'
export { type RegisteredCredential, registeredCredentials } from './rotation/registration.ts'
export {
  type RegistrationWatch,
  registrationWatch,
  type RegistrationWatchOptions,
} from './rotation/registration-watch.ts'
