/** Installing this source's operator into a test cluster, the way people do: image, chart, helm. */
export { chartFolder, defaultNamespace, defaultRelease } from './chart.ts';
export {
  type InstalledOperator,
  type InstallOptions,
  installOperator,
  type UninstallOptions,
  uninstallOperator,
} from './install.ts';
export { type OperatorImage, type OperatorImageOptions, operatorImage } from './operatorImage.ts';
