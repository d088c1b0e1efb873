{{/* How MIC logs in to Azure: shared by the controller and the drain of an uninstall. */}}
{{- define "podid.mic.cloudFlags" -}}
{{- if not .Values.adminsecret }}
- {{ printf "--cloudconfig=%s" (include "podid.mic.cloudFile" .) | quote }}
{{- end }}
{{- end -}}

{{- define "podid.mic.cloudFile" -}}
{{- if .Values.mic.cloudConfigSecret.name -}}
/etc/podid/cloud/{{ .Values.mic.cloudConfigSecret.key }}
{{- else -}}
{{ .Values.mic.cloudConfig }}
{{- end -}}
{{- end -}}

{{/* Taints that MIC and the Jobs of hooks tolerate, as YAML: on new nodes nothing else takes the start-up taint off. */}}
{{- define "podid.mic.tolerations" -}}
{{- $all := .Values.mic.tolerations | default list -}}
{{- with .Values.mic.startupTaint }}{{ $all = append $all (dict "key" . "operator" "Exists") }}{{ end -}}
{{- with $all }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* adminsecret: keys of the Secret, the environment variables, and the value's own keys. */}}
{{- define "podid.adminsecret.names" -}}
Cloud: [CLOUD, cloud]
SubscriptionID: [SUBSCRIPTION_ID, subscriptionID]
ResourceGroup: [RESOURCE_GROUP, resourceGroup]
VMType: [VM_TYPE, vmType]
TenantID: [TENANT_ID, tenantID]
ClientID: [CLIENT_ID, clientID]
ClientSecret: [CLIENT_SECRET, clientSecret]
UseMSI: [USE_MSI, useMSI]
UserAssignedMSIClientID: [USER_ASSIGNED_MSI_CLIENT_ID, userAssignedMSIClientID]
{{- end -}}

{{/* Takes root and the name of the Secret. */}}
{{- define "podid.mic.cloudEnv" -}}
{{- range $key, $names := include "podid.adminsecret.names" . | fromYaml }}
{{- if not (kindIs "invalid" (index ($.root.Values.adminsecret | default dict) (index $names 1))) }}
- name: {{ index $names 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ $.secret }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- with .root.Values.mic.customCloud }}
{{- if include "podid.true" .enabled }}
- name: AZURE_ENVIRONMENT_FILEPATH
  value: {{ .configPath }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "podid.mic.env" -}}
{{ include "podid.mic.cloudEnv" (dict "root" . "secret" (include "podid.mic.fullname" .)) }}
{{- include "podid.ca.env" . }}
{{- with .Values.mic.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "podid.mic.cloudMounts" -}}
{{- if .Values.mic.cloudConfigSecret.name }}
- name: cloud-config
  mountPath: /etc/podid/cloud
  readOnly: true
{{- else if not .Values.adminsecret }}
- name: cloud-config
  mountPath: {{ .Values.mic.cloudConfig }}
  readOnly: true
{{- end }}
{{- if include "podid.true" .Values.mic.customCloud.enabled }}
- name: custom-cloud
  mountPath: {{ .Values.mic.customCloud.configPath }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "podid.mic.cloudVolumes" -}}
{{- if .Values.mic.cloudConfigSecret.name }}
- name: cloud-config
  secret:
    secretName: {{ .Values.mic.cloudConfigSecret.name }}
{{- else if not .Values.adminsecret }}
- name: cloud-config
  hostPath:
    path: {{ .Values.mic.cloudConfig }}
    type: File
{{- end }}
{{- if include "podid.true" .Values.mic.customCloud.enabled }}
- name: custom-cloud
  hostPath:
    path: {{ .Values.mic.customCloud.configPath }}
    type: File
{{- end }}
{{- end -}}
