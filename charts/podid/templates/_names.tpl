{{- define "podid.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 59 | trimSuffix "-" -}}
{{- end -}}

{{- define "podid.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 49 | trimSuffix "-" -}}
{{- else if contains (include "podid.name" .) .Release.Name -}}
{{- .Release.Name | trunc 49 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "podid.name" .) | trunc 49 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "podid.nmi.fullname" -}}{{ include "podid.fullname" . }}-nmi{{- end -}}
{{- define "podid.mic.fullname" -}}{{ include "podid.fullname" . }}-mic{{- end -}}
{{- define "podid.keyvault.fullname" -}}{{ include "podid.fullname" . }}-keyvault-provider{{- end -}}

{{- define "podid.selector" -}}
app.kubernetes.io/name: {{ include "podid.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "podid.labels" -}}
{{ include "podid.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* Namespace of MIC's lock and records: that of the lock of AAD Pod Identity, so that the two never both act. */}}
{{- define "podid.lockNamespace" -}}{{ (.Values.mic.leaderElection | default dict).namespace | default "default" }}{{- end -}}
{{- define "podid.lockName" -}}{{ (.Values.mic.leaderElection | default dict).name | default "aad-pod-identity-mic" }}{{- end -}}

{{/* A value as text. A whole number has no exponent, which Go gives those from a million on. */}}
{{- define "podid.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ toString (. | default "") }}{{ end -}}
{{- end -}}

{{/* Not empty when the value is true, also as text, as old values have it. */}}
{{- define "podid.true" -}}{{- if eq (toString .) "true" -}}true{{- end -}}{{- end -}}

{{- define "podid.forceNamespaced" -}}
{{- or (include "podid.true" .Values.forceNamespaced) (include "podid.true" .Values.forceNameSpaced) -}}
{{- end -}}
