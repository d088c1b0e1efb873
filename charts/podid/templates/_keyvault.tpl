{{/* Where NMI answers the provider, on the node and in both containers. */}}
{{- define "podid.hostDoor.folder" -}}/var/run/podid{{- end -}}
{{- define "podid.hostDoor.socket" -}}{{ include "podid.hostDoor.folder" . }}/host.sock{{- end -}}

{{- define "podid.hostDoor.volume" -}}
- name: host-door
  hostPath:
    path: {{ include "podid.hostDoor.folder" . }}
    type: DirectoryOrCreate
{{- end -}}

{{/* Where the provider asks for tokens. */}}
{{- define "podid.keyvault.endpoint" -}}
{{- $endpoint := .Values.keyvaultProvider.podIdentityEndpoint | default (printf "unix://%s" (include "podid.hostDoor.socket" .)) -}}
{{- if and (regexMatch "^http://(127\\.|localhost|\\[::1\\])" $endpoint) (not .Values.keyvaultProvider.hostNetwork) -}}
{{- fail (printf "keyvaultProvider.podIdentityEndpoint %s is the node's own address: it needs keyvaultProvider.hostNetwork=true" $endpoint) -}}
{{- end -}}
{{- $endpoint -}}
{{- end -}}

{{/* Not empty when the provider asks through the socket of NMI. */}}
{{- define "podid.keyvault.usesHostDoor" -}}
{{- if hasPrefix (printf "unix://%s/" (include "podid.hostDoor.folder" .)) (include "podid.keyvault.endpoint" .) -}}true{{- end -}}
{{- end -}}

{{/* IMDS and the node itself are never reached by a proxy. */}}
{{- define "podid.keyvault.env" -}}
{{- with .Values.keyvaultProvider.proxy.httpsProxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
- name: NO_PROXY
  value: {{ list "127.0.0.1,localhost,169.254.169.254" $.Values.keyvaultProvider.proxy.noProxy | compact | join "," | quote }}
{{- end }}
{{- include "podid.ca.env" . }}
{{- with .Values.keyvaultProvider.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "podid.keyvault.mounts" -}}
- name: provider
  mountPath: /provider
{{- if include "podid.keyvault.usesHostDoor" . }}
- name: host-door
  mountPath: {{ include "podid.hostDoor.folder" . }}
  readOnly: true
{{- end }}
{{- include "podid.ca.mount" . }}
{{- with .Values.keyvaultProvider.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "podid.keyvault.volumes" -}}
- name: provider
  hostPath:
    path: {{ .Values.keyvaultProvider.providersDir }}
    type: DirectoryOrCreate
{{- if include "podid.keyvault.usesHostDoor" . }}
{{ include "podid.hostDoor.volume" . }}
{{- end }}
{{- include "podid.ca.volume" . }}
{{- with .Values.keyvaultProvider.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
