export {
  type ServiceCredential,
  SERVICE_CREDENTIALS,
  withServiceCredentials,
} from './service/credentials.ts'
export type { ServiceDefinition } from './service/definition.ts'
export {
  type KubernetesCronJob,
  type KubernetesList,
  kubernetesManifests,
  type KubernetesService,
  type Manifest,
} from './service/kubernetes.ts'
export { stateFolder, type SystemdService, systemdUnit } from './service/systemd.ts'
export { type WindowsService, windowsService } from './service/windows.ts'
