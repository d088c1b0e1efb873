/** Who podid says it is when the CSI driver, or another podid, asks for `Version`. */
export const RUNTIME_NAME = 'podid-keyvault-provider'
